#!/usr/bin/env python3
"""Over TLS, as curl, Python and boto3 see it: with the certificate they read, without it they do not.

    server_tls.py BIGARRAYS WORKDIR
"""
import datetime
import ipaddress
import shutil
import subprocess
import sys

import boto3
import requests
from botocore.config import Config
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from served import KEY, REGION, SECRET, serving
from tissue import run

BINARY, WORK = sys.argv[1:]
TOKEN = "0123456789abcdef"


def certificate(name):
    """A certificate for 127.0.0.1 that signs itself, and its key, as files."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (x509.CertificateBuilder().subject_name(who).issuer_name(who).public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256()))
    paths = f"{WORK}/{name}.pem", f"{WORK}/{name}.key"
    with open(paths[0], "wb") as file:
        file.write(made.public_bytes(serialization.Encoding.PEM))
    with open(paths[1], "wb") as file:
        file.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return paths


def curl(*arguments):
    return subprocess.run(["curl", "-sS", *arguments], capture_output=True, text=True)


def main():
    (mine, key), (other, other_key) = certificate("mine"), certificate("other")
    volume = f"{WORK}/em"
    run(BINARY, "create", volume, "--size", "100,100,100", "--dtype", "uint8")
    with open(f"{WORK}/tokens", "w") as file:
        file.write(TOKEN + "\n")
    with serving(BINARY, f"{volume}=em", "--tls", f"{mine},{key}", "--token-file", f"{WORK}/tokens", "--s3") as server:
        assert server.url.startswith("https://") and server.s3.startswith("https://")
        url = f"{server.url}/em/info"
        said = {"Authorization": f"Bearer {TOKEN}"}
        assert requests.get(url, headers=said, verify=mine).json()["data_type"] == "uint8"
        assert requests.get(url, verify=mine).status_code == 401
        try:
            requests.get(url, headers=said, verify=other)
        except requests.exceptions.SSLError:
            pass
        else:
            raise AssertionError("another certificate is believed")
        # Who speaks without encryption is told nothing, and the server goes on.
        try:
            plain = requests.get(url.replace("https", "http"), headers=said, timeout=20)
            raise AssertionError(plain.status_code)
        except requests.exceptions.ConnectionError:
            pass
        settings = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1})
        s3 = boto3.client("s3", endpoint_url=server.s3, aws_access_key_id=KEY, aws_secret_access_key=SECRET,
                          region_name=REGION, config=settings, verify=mine)
        assert b"uint8" in s3.get_object(Bucket="em", Key="info")["Body"].read()
        if shutil.which("curl"):
            asked = ["--cacert", mine, "-H", f"Authorization: Bearer {TOKEN}", "-w", "%{http_code} %{http_version}", "-o", "/dev/null", url]
            for version, wanted in (("--http1.1", "200 1.1"), ("--http2", "200 2")):
                found = curl(version, *asked).stdout
                assert found == wanted, (version, found)
            for version in ("--tlsv1.2", "--tlsv1.3"):
                assert curl(version, "--tls-max", version[-3:], *asked).stdout.startswith("200"), version
            assert curl("--tls-max", "1.1", *asked).returncode == 35, "TLS 1.1 is refused"
            assert curl("--cacert", other, url).returncode == 60
        else:
            print("skipped: curl is not here")
    refused = subprocess.run([BINARY, "serve", volume, "--bind", "127.0.0.1:0", "--tls", f"{mine},{other_key}"], capture_output=True, text=True)
    assert refused.returncode == 1 and "other.key" in refused.stderr, refused
    print("TLS is spoken by curl, requests and boto3")


if __name__ == "__main__":
    main()
