#!/usr/bin/env python3
"""rclone copies a folder into every local store through the gateway, compares, changes, copies it
back and deletes.

    server_rclone.py BIGARRAYS WORKDIR
"""
import filecmp
import os
import pathlib
import random
import shutil
import subprocess
import sys

from served import KEY, REGION, SECRET, serving, stores
from tissue import run

BINARY, WORK = sys.argv[1:]
MIB = 1 << 20


def rclone(server, *arguments, status=0):
    """Runs rclone with the remote `gate:`, as docs/server.md says; what it printed."""
    settings = {"type": "s3", "provider": "Other", "endpoint": server.s3, "access_key_id": KEY,
                "secret_access_key": SECRET, "region": REGION, "force_path_style": "true"}
    remote = {f"RCLONE_CONFIG_GATE_{name.upper()}": value for name, value in settings.items()}
    # Objects have no times of their own: sizes tell what is to be copied again.
    again = ["--size-only"] if arguments[0] in ("copy", "sync") else []
    line = ["rclone", *arguments, *again, "--config", "/dev/null", "--retries", "1", "--low-level-retries", "1",
            "--s3-upload-cutoff", "5Mi", "--s3-chunk-size", "5Mi", "--s3-no-check-bucket"]
    # Its old releases refuse an authority of one's own.
    inherited = {name: value for name, value in os.environ.items() if name != "AWS_CA_BUNDLE"}
    done = subprocess.run(line, env={**inherited, **remote}, capture_output=True, text=True)
    assert done.returncode == status, (arguments, done.returncode, done.stdout, done.stderr)
    return done.stdout


def folder(path):
    """Files of many sizes and names, one so large that it goes in parts."""
    dice = random.Random(5)
    sizes = {"info": 700, "8_8_40/0-64_0-64_0-16": 65536, "8_8_40/64-128_0-64_0-16": 1, "odd/a b": 9,
             "odd/ü+&%=?#'~": 77, "large/shard": 12 * MIB + 5}
    for name, size in sizes.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(dice.randbytes(size))
    return sorted(sizes)


def same(one, other):
    compared = filecmp.dircmp(one, other)
    inner = all(same(pathlib.Path(one, name), pathlib.Path(other, name)) for name in compared.common_dirs)
    wrong = filecmp.cmpfiles(one, other, compared.common_files, shallow=False)[1:]
    return inner and not any([compared.left_only, compared.right_only, *wrong])


def main():
    if not shutil.which("rclone"):
        print("skipped: rclone is not here; run ./test.sh")
        return
    local, back = pathlib.Path(WORK, "local"), pathlib.Path(WORK, "back")
    names = folder(local)
    urls = stores(BINARY, WORK)
    for url in urls.values():
        run(BINARY, "create", url + "?prefix=first", "--size", "1,1,1", "--dtype", "uint8")
    with serving(BINARY, *(f"{url}={name}" for name, url in urls.items()), "--s3", "--writable") as server:
        for count, bucket in enumerate(urls):
            place = f"gate:{bucket}/copied/here"
            rclone(server, "copy", str(local), place)
            assert sorted(rclone(server, "lsf", "-R", "--files-only", place).splitlines()) == names
            rclone(server, "check", "--download", str(local), place)
            # A difference is found.
            (local / "odd/a b").write_text("other bytes" * (count + 2))
            rclone(server, "check", "--download", str(local), place, status=1)
            rclone(server, "sync", str(local), place)
            rclone(server, "check", "--download", str(local), place)
            rclone(server, "copy", place, str(back))
            assert same(local, back), bucket
            shutil.rmtree(back)
            rclone(server, "copyto", f"{place}/odd/a b", f"gate:{bucket}/copied/twice")
            assert rclone(server, "cat", f"gate:{bucket}/copied/twice") == "other bytes" * (count + 2)
            rclone(server, "deletefile", f"{place}/info")
            assert "info" not in rclone(server, "lsf", place).splitlines()
            rclone(server, "purge", f"gate:{bucket}/copied")
            assert rclone(server, "lsf", f"gate:{bucket}") == "first/\n"
    print(f"rclone copies in and out of {', '.join(urls)}")


if __name__ == "__main__":
    main()
