#!/usr/bin/env python3
"""The gateway as boto3, CloudVolume and TensorStore see it, over every local store.

    server_s3.py BIGARRAYS WORKDIR
"""
import base64
import concurrent.futures
import gzip
import hashlib
import os
import sys
import urllib.error
import urllib.request
import warnings

warnings.filterwarnings("ignore")
import numpy as np
from botocore.exceptions import ClientError

from served import KEY, REGION, SECRET, client, serving, stores

BINARY, WORK = sys.argv[1:]
MIB = 1 << 20
os.environ.update(AWS_ACCESS_KEY_ID=KEY, AWS_SECRET_ACCESS_KEY=SECRET, AWS_REGION=REGION)


def refused(status, code, call, *arguments, **named):
    """The call is refused by this status and, if it has a body, this code."""
    try:
        call(*arguments, **named)
    except ClientError as error:
        found = error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
        assert found[0] == status and code in (None, found[1]), (found, status, code)
    else:
        raise AssertionError(f"{call} was not refused by {status}")


def fetch(url):
    try:
        with urllib.request.urlopen(url) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def who_may(server, s3, bucket):
    s3.put_object(Bucket=bucket, Key="who/a", Body=b"abc")
    refused(403, "SignatureDoesNotMatch", client(server, secret="wrong").get_object, Bucket=bucket, Key="who/a")
    refused(403, "SignatureDoesNotMatch", client(server, secret="wrong").put_object, Bucket=bucket, Key="who/a", Body=b"x")
    refused(403, "InvalidAccessKeyId", client(server, key="nobody").get_object, Bucket=bucket, Key="who/a")
    assert fetch(f"{server.s3}/{bucket}/who/a") == 403
    signed = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "who/a"})
    assert fetch(signed) == 200
    end = "0" if signed[-1] != "0" else "1"
    for tampered in (signed[:-1] + end, signed.replace("who/a", "who/b"), signed[:-1], signed + "0"):
        assert fetch(tampered) in (400, 403), tampered
    assert fetch(signed[:-1] + end) == 403
    # What was refused changed nothing.
    assert s3.get_object(Bucket=bucket, Key="who/a")["Body"].read() == b"abc"


def values(s3, bucket):
    body = bytes(range(256)) * 4
    put = s3.put_object(Bucket=bucket, Key="v/a", Body=body)
    got = s3.get_object(Bucket=bucket, Key="v/a")
    assert got["Body"].read() == body and got["ContentLength"] == 1024
    assert got["ETag"] == put["ETag"] == s3.head_object(Bucket=bucket, Key="v/a")["ETag"]

    def part(said):
        answer = s3.get_object(Bucket=bucket, Key="v/a", Range=said)
        return answer["Body"].read(), answer["ContentRange"]
    assert part("bytes=2-4") == (body[2:5], "bytes 2-4/1024")
    assert part("bytes=1020-") == (body[1020:], "bytes 1020-1023/1024")
    assert part("bytes=-5") == (body[-5:], "bytes 1019-1023/1024")
    refused(416, "InvalidRange", part, "bytes=1024-")
    refused(404, "NoSuchKey", s3.get_object, Bucket=bucket, Key="v/none")
    refused(404, None, s3.head_object, Bucket=bucket, Key="v/none")
    refused(404, "NoSuchBucket", s3.get_object, Bucket="none", Key="v/a")
    refused(404, None, s3.head_bucket, Bucket="none")
    s3.head_bucket(Bucket=bucket)
    assert bucket in {one["Name"] for one in s3.list_buckets()["Buckets"]}
    refused(304, None, s3.get_object, Bucket=bucket, Key="v/a", IfNoneMatch=put["ETag"])
    refused(412, None, s3.get_object, Bucket=bucket, Key="v/a", IfMatch='"other"')
    # Compression is kept, and the value passes as it is.
    packed = gzip.compress(body)
    s3.put_object(Bucket=bucket, Key="v/info", Body=packed, ContentEncoding="gzip")
    got = s3.get_object(Bucket=bucket, Key="v/info")
    assert (got["ContentEncoding"], got["Body"].read()) == ("gzip", packed)
    assert (got["ContentType"], "no-cache" in got["CacheControl"]) == ("application/json", True)
    # Sums that are not right.
    wrong = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    refused(400, "BadDigest", s3.put_object, Bucket=bucket, Key="v/a", Body=b"x", ContentMD5=wrong)
    refused(400, "BadDigest", s3.put_object, Bucket=bucket, Key="v/a", Body=b"x", ChecksumSHA256=base64.b64encode(hashlib.sha256(b"y").digest()).decode())
    for algorithm in ("CRC32", "SHA1", "SHA256"):
        s3.put_object(Bucket=bucket, Key="v/sum", Body=body, ChecksumAlgorithm=algorithm)
    assert s3.get_object(Bucket=bucket, Key="v/a")["Body"].read() == body
    # Copies.
    s3.copy_object(Bucket=bucket, Key="v/copy", CopySource={"Bucket": bucket, "Key": "v/info"})
    got = s3.get_object(Bucket=bucket, Key="v/copy")
    assert (got["ContentEncoding"], got["Body"].read()) == ("gzip", packed)
    refused(404, "NoSuchKey", s3.copy_object, Bucket=bucket, Key="v/x", CopySource={"Bucket": bucket, "Key": "v/none"})
    for name in ("odd/a b", "odd/ü", "odd/+&%=?#'~", "odd/%2e%2e", "odd/a:b,c;d@e!$()*"):
        s3.put_object(Bucket=bucket, Key=name, Body=name.encode())
        assert s3.get_object(Bucket=bucket, Key=name)["Body"].read() == name.encode(), name
    listed = {one["Key"] for one in s3.list_objects_v2(Bucket=bucket, Prefix="odd/")["Contents"]}
    assert listed == {"odd/a b", "odd/ü", "odd/+&%=?#'~", "odd/%2e%2e", "odd/a:b,c;d@e!$()*"}, listed
    for name in ("../escape", "a/../../escape", "a//b", "/absolute", "a/./b"):
        refused(400, None, s3.put_object, Bucket=bucket, Key=name, Body=b"x")
        refused(404, None, s3.get_object, Bucket=bucket, Key=name)
    s3.put_object(Bucket=bucket, Key="p", Body=b"1")
    if bucket == "tree":
        # A file is no folder: refused, and what was there stays.
        refused(400, None, s3.put_object, Bucket=bucket, Key="p/q", Body=b"2")
    else:
        s3.put_object(Bucket=bucket, Key="p/q", Body=b"2")
        assert s3.get_object(Bucket=bucket, Key="p/q")["Body"].read() == b"2"
    assert s3.get_object(Bucket=bucket, Key="p")["Body"].read() == b"1"
    empty = s3.put_object(Bucket=bucket, Key="v/empty", Body=b"")
    assert s3.get_object(Bucket=bucket, Key="v/empty")["Body"].read() == b"" and empty["ETag"]


def conditions(s3, bucket):
    key = {"Bucket": bucket, "Key": "c/a"}
    first = s3.put_object(**key, Body=b"1", IfNoneMatch="*")
    refused(412, "PreconditionFailed", s3.put_object, **key, Body=b"2", IfNoneMatch="*")
    refused(412, "PreconditionFailed", s3.put_object, **key, Body=b"2", IfMatch='"0123"')
    second = s3.put_object(**key, Body=b"2", IfMatch=first["ETag"])
    refused(412, "PreconditionFailed", s3.put_object, **key, Body=b"3", IfMatch=first["ETag"])
    assert s3.get_object(**key)["Body"].read() == b"2" and first["ETag"] != second["ETag"]
    refused(412, "PreconditionFailed", s3.delete_object, **key, IfMatch=first["ETag"])
    s3.delete_object(**key, IfMatch=second["ETag"])
    refused(404, "NoSuchKey", s3.get_object, **key)
    # Of twelve who race, one wins.
    def race(name):
        def put(n):
            try:
                s3.put_object(Bucket=bucket, Key=name, Body=b"%d" % n, IfNoneMatch="*")
                return n
            except ClientError as error:
                assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 412, error
                return None
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            won = [n for n in pool.map(put, range(12)) if n is not None]
        assert len(won) == 1, won
        assert s3.get_object(Bucket=bucket, Key=name)["Body"].read() == b"%d" % won[0]
    for round in range(5):
        race(f"c/race{round}")


def pages_of_others(s3, bucket):
    """What a page of another origin is allowed: to read with a signed address, by the server's leave."""
    s3.put_object(Bucket=bucket, Key="o/a", Body=b"abc")
    signed = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "o/a"})
    for method, asked in (("GET", {}), ("OPTIONS", {"Access-Control-Request-Method": "GET"})):
        request = urllib.request.Request(signed, method=method, headers={"Origin": "https://viewer.example", **asked})
        with urllib.request.urlopen(request) as answer:
            assert answer.headers["Access-Control-Allow-Origin"] == "*", (method, answer.headers.items())
    rule = {"AllowedMethods": ["PUT"], "AllowedOrigins": ["*"]}
    refused(501, "NotImplemented", s3.put_bucket_cors, Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})


def listings(s3, bucket):
    keys = sorted(f"l/{folder}/{n}" for folder in ("x", "y", "z") for n in range(9))
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"1")
    for call, size in (("list_objects_v2", 10), ("list_objects", 10), ("list_objects_v2", 1)):
        pages = s3.get_paginator(call).paginate(Bucket=bucket, Prefix="l/", PaginationConfig={"PageSize": size})
        found = [one["Key"] for page in pages for one in page.get("Contents", [])]
        assert found == keys, (call, found)
    for size in (1, 2, 10):
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="l/", Delimiter="/", PaginationConfig={"PageSize": size})
        common = [one["Prefix"] for page in pages for one in page.get("CommonPrefixes", [])]
        assert common == ["l/x/", "l/y/", "l/z/"], common
    after = s3.list_objects_v2(Bucket=bucket, Prefix="l/", StartAfter="l/y/8")["Contents"]
    assert [one["Key"] for one in after] == keys[18:] and after[0]["Size"] == 1
    assert s3.list_objects_v2(Bucket=bucket, Prefix="l/x", MaxKeys=0)["KeyCount"] == 0
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket, Prefix="nothing")
    refused(400, None, s3.list_objects_v2, Bucket=bucket, ContinuationToken="!")
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys[:20]] + [{"Key": "l/none"}]})
    assert len(answer["Deleted"]) == 21 and "Errors" not in answer, answer
    assert s3.list_objects_v2(Bucket=bucket, Prefix="l/")["KeyCount"] == len(keys) - 20
    s3.delete_object(Bucket=bucket, Key="l/none")


def parts(s3, bucket):
    key = {"Bucket": bucket, "Key": "m/large"}
    body = [bytes([n]) * (5 * MIB) for n in (1, 2)] + [b"tail"]
    begun = s3.create_multipart_upload(**key, ContentEncoding="br")["UploadId"]
    upload = {**key, "UploadId": begun}
    s3.upload_part(**upload, PartNumber=1, Body=b"replaced")
    tags = [s3.upload_part(**upload, PartNumber=n, Body=part)["ETag"] for n, part in enumerate(body, 1)]
    named = [{"PartNumber": n, "ETag": tag} for n, tag in enumerate(tags, 1)]
    assert [one["Size"] for one in s3.list_parts(**upload)["Parts"]] == [5 * MIB, 5 * MIB, 4]
    assert begun in {one["UploadId"] for one in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]}
    refused(404, "NoSuchKey", s3.get_object, **key)
    refused(400, "InvalidPartOrder", s3.complete_multipart_upload, **upload, MultipartUpload={"Parts": named[::-1]})
    wrong = [{**named[0], "ETag": tags[1]}] + named[1:]
    refused(400, "InvalidPart", s3.complete_multipart_upload, **upload, MultipartUpload={"Parts": wrong})
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": named})
    got = s3.get_object(**key)
    assert got["ContentEncoding"] == "br" and got["Body"].read() == b"".join(body)
    refused(404, "NoSuchUpload", s3.complete_multipart_upload, **upload, MultipartUpload={"Parts": named})
    begun = s3.create_multipart_upload(**key)["UploadId"]
    s3.upload_part_copy(**key, UploadId=begun, PartNumber=1, CopySource=f"{bucket}/m/large", CopySourceRange="bytes=0-9")
    tag = s3.list_parts(**key, UploadId=begun)["Parts"][0]["ETag"]
    refused(412, None, s3.complete_multipart_upload, **key, UploadId=begun, IfNoneMatch="*", MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": tag}]})
    s3.abort_multipart_upload(**key, UploadId=begun)
    refused(404, "NoSuchUpload", s3.upload_part, **key, UploadId=begun, PartNumber=1, Body=b"x")
    # boto3's own way with what is large.
    path = f"{WORK}/large"
    with open(path, "wb") as file:
        file.write(os.urandom(20 * MIB))
    s3.upload_file(path, bucket, "m/file")
    s3.download_file(bucket, "m/file", path + ".back")
    with open(path, "rb") as one, open(path + ".back", "rb") as other:
        assert one.read() == other.read()


def rivals(server, bucket):
    import cloudfiles.paths
    import tensorstore as ts
    from cloudvolume import CloudVolume
    rng = np.random.default_rng(3)
    voxels = np.asfortranarray(rng.integers(0, 256, (130, 90, 40, 1), dtype=np.uint8))
    # CloudVolume takes the address of a server of one's own under a name that it is told.
    cloudfiles.paths.add_alias("gateway", f"s3://{server.s3}/")
    url = f"gateway://{bucket}/layers/cv"
    secrets = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
    info = CloudVolume.create_new_info(
        num_channels=1, layer_type="image", data_type="uint8", encoding="raw", resolution=(8, 8, 8),
        voxel_offset=(0, 0, 0), volume_size=voxels.shape[:3], chunk_size=(64, 64, 32))
    # It asks for one wherever there is a key.
    os.environ["AWS_SESSION_TOKEN"] = ""
    v = CloudVolume(url, info=info, progress=False, compress="gzip", secrets=secrets)
    v.commit_info()
    v[:, :, :] = voxels
    again = CloudVolume(url, progress=False, secrets=secrets)
    assert (np.asarray(again[:, :, :]) == voxels).all()
    del os.environ["AWS_SESSION_TOKEN"]
    spec = {"driver": "neuroglancer_precomputed", "kvstore": {
        "driver": "s3", "bucket": bucket, "endpoint": server.s3, "aws_region": REGION, "path": "layers/ts/"}}
    new = {**spec, "create": True, "scale_metadata": {
        "size": voxels.shape[:3], "encoding": "raw", "chunk_size": [64, 64, 32], "resolution": [8, 8, 8]},
        "multiscale_metadata": {"type": "image", "data_type": "uint8", "num_channels": 1}}
    d = ts.open(new).result()
    d.write(voxels).result()
    assert (ts.open(spec).result().read().result() == voxels).all()
    sharded = {**new, "kvstore": {**spec["kvstore"], "path": "layers/sharded/"}}
    sharded["scale_metadata"] = {**new["scale_metadata"], "sharding": {
        "@type": "neuroglancer_uint64_sharded_v1", "preshift_bits": 1, "minishard_bits": 1, "shard_bits": 1,
        "hash": "identity", "data_encoding": "gzip", "minishard_index_encoding": "gzip"}}
    d = ts.open(sharded).result()
    with ts.Transaction() as transaction:
        d.with_transaction(transaction).write(voxels).result()
    # What the gateway took, the server shows.
    for layer in ("cv", "ts", "sharded"):
        shown = CloudVolume(f"precomputed://{server.url}/{bucket}/layers/{layer}", progress=False)
        assert (np.asarray(shown[:, :, :]) == voxels).all(), layer


def main():
    urls = stores(BINARY, WORK)
    os.makedirs(f"{WORK}/tree", exist_ok=True)
    import subprocess
    for name, url in urls.items():
        if name != "tree":
            subprocess.run([BINARY, "create", url + "?prefix=first", "--size", "1,1,1", "--dtype", "uint8"],
                           check=True, capture_output=True)
    named = [f"{url}={name}" for name, url in urls.items()]
    with serving(BINARY, *named, "--s3", "--writable") as server:
        s3 = client(server)
        for bucket in urls:
            who_may(server, s3, bucket)
            values(s3, bucket)
            conditions(s3, bucket)
            pages_of_others(s3, bucket)
            listings(s3, bucket)
            parts(s3, bucket)
            rivals(server, bucket)
    with serving(BINARY, *named, "--s3", "--max-request", "1M") as server:
        s3 = client(server)
        for bucket in urls:
            assert s3.get_object(Bucket=bucket, Key="v/a")["ContentLength"] == 1024
            for call, more in ((s3.put_object, {"Body": b"x"}), (s3.delete_object, {}), (s3.create_multipart_upload, {})):
                refused(403, "AccessDenied", call, Bucket=bucket, Key="v/a", **more)
    with serving(BINARY, *named, "--s3", "--writable", "--max-request", "1M") as server:
        s3 = client(server)
        for bucket in urls:
            s3.put_object(Bucket=bucket, Key="v/fits", Body=bytes(MIB))
            refused(400, "EntityTooLarge", s3.put_object, Bucket=bucket, Key="v/long", Body=bytes(MIB + 1))
            refused(404, None, s3.head_object, Bucket=bucket, Key="v/long")
    print(f"the gateway does right over {', '.join(urls)}")


if __name__ == "__main__":
    main()
