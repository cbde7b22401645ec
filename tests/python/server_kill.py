#!/usr/bin/env python3
"""The server is killed while the gateway writes: every object is whole-old, whole-new or absent.

    server_kill.py BIGARRAYS WORKDIR ROUNDS
"""
import os
import random
import subprocess
import sys
import threading
import time

from botocore.exceptions import BotoCoreError, ClientError

from served import client, serving, stores

BINARY, WORK, ROUNDS = sys.argv[1], sys.argv[2], int(sys.argv[3])
KEYS = [f"k/{n}" for n in range(6)]


def value(key, generation):
    """Bytes that prove themselves whole: a line again and again, and how long it is."""
    line = f"{key} {generation};".encode()
    return line * (20_000 + 1000 * (generation % 7))


def parse(body):
    key, generation = body[:body.index(b";")].decode().split(" ")
    assert body == value(key, int(generation)), f"{key} {generation} is torn: {len(body)} bytes"
    return key, int(generation)


def write(server, bucket, key, done, begun, generation):
    """Overwrites a key until the server is gone."""
    s3 = client(server)
    try:
        while True:
            generation += 1
            begun[key] = generation
            body = value(key, generation)
            if generation % 5 == 0:
                upload = {"Bucket": bucket, "Key": key}
                upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
                tag = s3.upload_part(**upload, PartNumber=1, Body=body)["ETag"]
                s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": tag}]})
            else:
                s3.put_object(Bucket=bucket, Key=key, Body=body)
            done[key] = generation
    except (ClientError, BotoCoreError):
        pass


def check(s3, bucket, done, begun):
    """What the next server finds is between what was answered and what was begun."""
    for key in KEYS:
        try:
            found = parse(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        except ClientError as error:
            assert error.response["Error"]["Code"] == "NoSuchKey" and done[key] == 0, (key, error)
            continue
        assert found[0] == key and done[key] <= found[1] <= begun[key], (found, done[key], begun[key])
    names = {one["Key"] for one in s3.list_objects_v2(Bucket=bucket, Prefix="k/").get("Contents", [])}
    assert names <= set(KEYS), names


def main():
    seed = int(os.environ.get("BIGARRAYS_KILL_SEED", random.randrange(1 << 32)))
    print("BIGARRAYS_KILL_SEED =", seed)
    dice = random.Random(seed)
    os.makedirs(f"{WORK}/tree", exist_ok=True)
    kills = 0
    for bucket, url in stores(BINARY, WORK).items():
        if bucket != "tree":
            subprocess.run([BINARY, "create", url + "?prefix=first", "--size", "1,1,1", "--dtype", "uint8"],
                           check=True, capture_output=True)
        done, begun = dict.fromkeys(KEYS, 0), dict.fromkeys(KEYS, 0)
        for _ in range(ROUNDS):
            with serving(BINARY, f"{url}={bucket}", "--s3", "--writable") as server:
                writers = [threading.Thread(target=write, args=(server, bucket, key, done, begun, begun[key])) for key in KEYS]
                for writer in writers:
                    writer.start()
                # The instant of the kill is what is chosen by chance.
                time.sleep(dice.uniform(0.05, 0.8))
                server.kill()
                kills += 1
                for writer in writers:
                    writer.join()
            with serving(BINARY, f"{url}={bucket}", "--s3", "--writable") as server:
                check(client(server), bucket, done, begun)
    print(f"{kills} servers killed, nothing torn")


if __name__ == "__main__":
    main()
