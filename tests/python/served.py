"""A server under test: `bigarrays serve` on ports of its own, ended by its process number."""

import contextlib
import json
import os
import signal
import subprocess

KEY, SECRET = "testaccess", "testsecret1234567890"
REGION = "us-east-1"


class Served:
    """A running server and where it listens. `verb` may be `view`, too."""

    def __init__(self, binary, *arguments, verb="serve"):
        environment = dict(os.environ, BIGARRAYS_S3_ACCESS_KEY=KEY, BIGARRAYS_S3_SECRET_KEY=SECRET)
        line = [binary, "--json", verb, "--bind", "127.0.0.1:0", *map(str, arguments)]
        if "--s3" in arguments:
            line += ["--s3-bind", "127.0.0.1:0"]
        self.process = subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env=environment)
        said = self.process.stdout.readline()
        assert said, "the server did not start"
        facts = json.loads(said)
        self.url, self.s3 = facts["url"], facts.get("s3")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        """As Ctrl-C and `kill` do; it ends by itself, and well."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=60)
        assert status == 0, status


@contextlib.contextmanager
def serving(binary, *arguments, **more):
    """A server for a while. Where the test fails it is killed, so that none is left behind."""
    server = Served(binary, *arguments, **more)
    try:
        yield server
    except BaseException:
        server.kill()
        raise
    if server.process.poll() is None:
        server.end()


def client(server, key=KEY, secret=SECRET, **more):
    """boto3's client for the gateway of a server."""
    import boto3
    from botocore.config import Config

    settings = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}, **more)
    return boto3.client("s3", endpoint_url=server.s3, aws_access_key_id=key,
                        aws_secret_access_key=secret, region_name=REGION, config=settings)


def has_store(binary, scheme):
    """Whether a build has a store."""
    probe = subprocess.run([binary, "ls", f"{scheme}:///nonexistent/place"], capture_output=True,
                           text=True)
    return "not compiled in" not in probe.stderr


def stores(binary, work):
    """A URL of each local store of this build."""
    urls = {"tree": f"file://{work}/tree", "lite": f"sqlite://{work}/lite.db"}
    if has_store(binary, "rocksdb"):
        urls["rocks"] = f"rocksdb://{work}/rocks"
    return urls
