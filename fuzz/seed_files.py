#!/usr/bin/env python3
"""Makes the seeds of the targets that read files, texts and answers of servers.

    python fuzz/seed_files.py       (a Python with numpy, tifffile, nibabel, Pillow and h5py)

Writes corpus/TARGET/NAME beside this script; how an input is laid out is told at the targets in
tests/src/hostile and backends/src/fuzzing.rs. Made with numpy 2.4, tifffile 2026.3, nibabel 5.4,
Pillow 11.3, h5py 3.15; all content is from a fixed seed.
"""

import gzip
import io
import json
import sqlite3
import tempfile
from pathlib import Path

import h5py
import nibabel
import numpy as np
import tifffile
from PIL import Image

CORPUS = Path(__file__).parent / "corpus"
rng = np.random.default_rng(7)
scratch = Path(tempfile.mkdtemp())


def seed(target, name, data):
    data = data.encode() if isinstance(data, str) else bytes(data)
    assert len(data) <= 8192, (target, name, len(data))
    (CORPUS / target).mkdir(parents=True, exist_ok=True)
    (CORPUS / target / name).write_bytes(data)


def noise(shape, dtype):
    if np.dtype(dtype).kind == "f":
        return rng.normal(size=shape).astype(dtype)
    return rng.integers(0, 100, shape).astype(dtype)


def file(write, name):
    path = scratch / name
    write(path)
    return path.read_bytes()


# Foreign files. Behind a first byte: 0 as it is, 1 in gzip.

for dtype, shape, order in [("u1", (5, 4, 3), "C"), (">u2", (4, 4, 3, 2), "F"), ("<f4", (7, 3), "C"), ("?", (3, 3, 3), "F"), ("<i8", (2, 2, 2), "C")]:
    out = io.BytesIO()
    np.save(out, np.asarray(noise(shape, dtype), order=order))
    name = f"{np.dtype(dtype).name}-{order}-" + "x".join(map(str, shape))
    seed("import_npy", name, b"\0" + out.getvalue())
    seed("import_npy", f"gzip-{name}", b"\1" + gzip.compress(out.getvalue(), mtime=0))
out = io.BytesIO()
np.lib.format.write_array(out, noise((3, 3, 2), "u1"), version=(3, 0))
seed("import_npy", "version-3", b"\0" + out.getvalue())

for name, dtype, options in [
    ("plain", "u1", {}), ("deflate", "u2", {"compression": "zlib"}), ("lzw", "u1", {"compression": "lzw"}),
    ("packbits", "u1", {"compression": "packbits"}), ("tiles", "u1", {"tile": (16, 16)}), ("big", "u2", {"bigtiff": True}),
    ("motorola", "u2", {"byteorder": ">"}), ("predictor", "u1", {"compression": "zlib", "predictor": 2}),
    ("float", "f4", {}), ("imagej", "u1", {"imagej": True}), ("strips", "u1", {"rowsperstrip": 3}),
]:
    voxels = noise((2, 20, 18), dtype)
    seed("import_tiff", name, file(lambda path: tifffile.imwrite(path, voxels, photometric="minisblack", **options), "a.tif"))
seed("import_tiff", "rgb", file(lambda path: tifffile.imwrite(path, noise((9, 8, 3), "u1"), photometric="rgb"), "a.tif"))
seed("import_tiff", "ome", file(lambda path: tifffile.imwrite(path, noise((2, 9, 8), "u1"), ome=True), "a.ome.tif"))

for name, dtype in [("u8", "u1"), ("i16", "i2"), ("f32", "f4"), ("f64", "f8")]:
    image = nibabel.Nifti1Image(noise((5, 4, 3), dtype), np.diag([8, 8, 40, 1]))
    image.header.set_xyzt_units("micron")
    data = file(lambda path: nibabel.save(image, path), "a.nii")
    seed("import_nifti", name, b"\0" + data)
    seed("import_nifti", f"gzip-{name}", b"\1" + gzip.compress(data, mtime=0))
image = nibabel.Nifti2Image(noise((3, 3, 3, 2), "u1"), np.eye(4))
seed("import_nifti", "version-2", b"\0" + file(lambda path: nibabel.save(image, path), "b.nii"))
image = nibabel.Nifti1Image(noise((3, 3, 3), "i2"), np.eye(4))
image.header["scl_slope"] = 2
big = nibabel.Nifti1Image(noise((3, 3, 3), ">i2"), np.eye(4), image.header.as_byteswapped(">"))
seed("import_nifti", "motorola", b"\0" + file(lambda path: nibabel.save(big, path), "c.nii"))

for mode, dtype, shape in [("L", "u1", (9, 7)), ("RGB", "u1", (9, 7, 3)), ("RGBA", "u1", (9, 7, 4)), ("LA", "u1", (9, 7, 2)), ("I;16", "u2", (9, 7)), ("P", "u1", (9, 7)), ("1", "u1", (9, 7))]:
    out = io.BytesIO()
    voxels = noise(shape, dtype)
    image = Image.fromarray(voxels).convert(mode) if mode in ("P", "1") else Image.fromarray(voxels, mode)
    image.save(out, "png")
    seed("import_png", mode.replace(";", ""), out.getvalue())

# A database with small pages, as the store makes it; beside it one that is not ours.

TABLES = """
CREATE TABLE bigarrays_keys (key TEXT PRIMARY KEY NOT NULL, version INTEGER NOT NULL, size INTEGER NOT NULL,
    content_encoding TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE bigarrays_values (version INTEGER PRIMARY KEY AUTOINCREMENT, value BLOB NOT NULL) STRICT;
"""


def database(name, rows, setup="PRAGMA application_id = 0x62696741; PRAGMA user_version = 1;"):
    path = scratch / "a.db"
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    connection.executescript("PRAGMA page_size = 512;" + TABLES + setup)
    for number, (key, size, encoding, value) in enumerate(rows, 1):
        connection.execute("INSERT INTO bigarrays_values VALUES (?, ?)", (number, value))
        connection.execute("INSERT INTO bigarrays_keys VALUES (?, ?, ?, ?)", (key, number, size, encoding))
    connection.commit()
    connection.close()
    seed("sqlite", name, path.read_bytes())


database("sound", [("info", 2, "", b"{}"), ("8_8_40/0-8_0-8_0-8", 600, "gzip", noise(600, "u1").tobytes())])
database("size-of-another", [("info", 1 << 40, "", b"{}"), ("a", 3, "", b"{}"), ("b", 0, "br", b"")])
database("negative-and-unknown", [("info", -1, "", b"{}"), ("a", 2, "zip", b"{}")])
database("of-another-program", [], "")
database("format-2", [("info", 2, "", b"{}")], "PRAGMA application_id = 0x62696741; PRAGMA user_version = 2;")

# Datasets: the name, a line break, the file.


def dataset(name, libver="earliest", shape=(6, 5, 4), dtype="u1", **options):
    def write(path):
        with h5py.File(path, "w", libver=libver) as opened:
            opened.create_dataset("img", data=noise(shape, dtype), **options)

    seed("h5_file", name, b"img\n" + file(write, "a.h5"))


dataset("contiguous")
dataset("chunked", chunks=(3, 5, 2))
dataset("gzip-shuffle-fletcher", chunks=(3, 5, 2), compression="gzip", shuffle=True, fletcher32=True)
dataset("lzf", chunks=(3, 5, 2), compression="lzf")
dataset("big-endian-fill", dtype=">i4", fillvalue=7, chunks=(2, 2, 2))
dataset("compact", dtype="f8", shape=(3, 3))
dataset("latest-fixed-array", libver="latest", chunks=(3, 5, 2))
dataset("latest-one-chunk", libver="latest", chunks=(6, 5, 4), compression="gzip")
dataset("latest-extensible", libver="latest", chunks=(3, 5, 4), maxshape=(None, 5, 4))
dataset("latest-btree", libver="latest", chunks=(3, 5, 2), maxshape=(None, None, 4))

for name, document in [
    ("v0.0", {"prefix": "block_", "blocksz": [4096, 4096, 512], "chunksz": [256, 256, 32], "compression": "deflate"}),
    ("v0.1", {"prefix": "chunk_", "innerChunkSize": [64, 64, 8], "chunkSize": [256, 256, 32], "compression": "none"}),
    ("v0.6", {"h5FilePrefix": "block_", "dataType": "Float32", "globalOffset": [-5, 0, 7], "blockSize": [1024, 1024, 128], "chunkSize": [32, 32, 4], "compression": "blosc"}),
    ("channels", {"blockSize": [8, 8, 8, 3], "chunkSize": [4, 4, 4, 3], "dataType": "UInt16"}),
    ("refused", {"blockSize": [10], "chunkSize": [4]}),
]:
    seed("h5_config", name, json.dumps(document))
for name, text in [
    ("one-based", "block_\nblock_1-1024_1-1024_1-128.h5"), ("negative", "block_\nblock_-1023-0_1-1024_-255--128.h5"),
    ("four-axes", "chunk_\nchunk_1-8_1-8_1-8_1-3.h5"), ("no-prefix", "\n1-2.h5"), ("refused", "block_\nblock_01-2.h5"),
]:
    seed("h5_name", name, text)
for name, text in [
    ("seven-fields", "1,7_aligned 0 10 20 30 40 true\n1,8_aligned 0 -5 6 7 8 false\n"), ("six-fields", "2,3_aligned -5 6 7 8 false\n"),
    ("floats", "a 0 1.0 2.00 3 4 x\n"), ("twice", "1,7_a 0 0 0 9 9 t\n2,7_a 0 0 0 9 9 t"), ("refused", "../a 0 1 2 3 4 t\n"),
    ("far", "1,9223372036854775806_a 0 0 0 9 9 t\n1,-3_a 0 9223372036854775800 0 5 9 t\n"),
]:
    seed("sections", name, text)

# Texts.

for name, text in [
    ("chunk", "em/8_8_40/\n0-64_0-64_0-64"), ("root", "\ninfo"), ("up", "a/../b\nc"), ("unicode", "ä/\n脳/😀"),
    ("long", "a/" * 200 + "\n" + "b" * 300), ("control", "a\tb/\nc\x7f"),
]:
    seed("key", name, text)
for name, text in [
    ("path", "/data/brain"), ("file", "file:///data/brain?prefix=em"), ("precomputed", "precomputed://gs://vol/em/brain"),
    ("neuroglancer", "gs://vol/em|neuroglancer-precomputed:"), ("s3", "s3://http://127.0.0.1:9000/vol/em?region=x"),
    ("https", "https://me:word@host/vol?missing=403&token=abc"), ("zarr", "zarr://s3://vol"), ("mem", "mem://name?prefix=a/b"),
    ("encoded", "https://host/vol?a=%41%00+b&X-Amz-Security-Token=%2F"), ("empty", "gs://"), ("up", "mem://a/../b?prefix=.."),
]:
    seed("url", name, text)
CONFIG = '{"chunkSize": [512,512,16], "dataType": "UInt8"}'
for name, text in [
    ("volume", CONFIG + "\n\n1:512_1:512_1:16\n513:1024_1:512_1:16\n"), ("negative", CONFIG + "\n\n-511:0_1:512_17:32\n"),
    ("channels", '{"prefix":"","chunkSize":[8,8,8,3],"dataType":"Float32","compression":"blosclz"}\n\n1:8_1:8_1:8_1:3\n'),
    ("flat", '{"chunkSize":[8,8],"dataType":"UInt16"}\n\n1:8_1:8\n'), ("of-hdf5", '{"blockSize":[8,8,8],"chunkSize":[4,4,4]}'),
    ("far", CONFIG + "\n\n9223372036854775296:9223372036854775807_1:512_1:16\n1:512_1:512_1:16\n"),
]:
    seed("old_layout", name, text)
for name, text in [
    ("box", "0:64,-10:54,1000:1064"), ("open-box", ":,-5:,:9"), ("point", "-13,7,1000"), ("factor", "8,8,33.5"), ("bytes", "256MiB"),
    ("size", "512,512,40"), ("axes", "zyx"), ("words", "x\n--at\n-1,2,3\n4,5,6\n-o\n-5"), ("far", "9223372036854775807:-9223372036854775808,0:1,0:1"),
]:
    seed("arguments", name, text)

# Answers of servers: status, range, headers, an empty line, the body.


def answer(target, name, head, headers, body=""):
    text = "".join(f"{key}: {value}\n" for key, value in headers.items())
    seed(target, name, bytes(head) + text.encode() + b"\n" + body.encode())


FULL, PART, ERROR = [0, 0, 0, 0], [1, 3, 2, 3], [5, 0, 0, 0]
for target in ["http_answer", "s3_answer", "gcs_answer"]:
    answer(target, "part", PART, {"content-range": "bytes 2-4/10", "content-length": "3", "etag": '"abc"'}, "234")
    answer(target, "whole", FULL, {"content-length": "5", "etag": 'W/"abc"', "content-encoding": "gzip", "last-modified": "Sun, 06 Nov 1994 08:49:37 GMT", "date": "Sun, 06 Nov 1994 08:49:39 GMT"}, "01234")
    answer(target, "busy", ERROR, {"retry-after": "99999999999"}, "slow down")
    answer(target, "unknown-encoding", FULL, {"content-encoding": "deflate, br", "transfer-encoding": "chunked"})
answer("http_answer", "date", FULL, {}, "Thu, 29 Feb 2024 23:59:59 GMT")
answer("http_answer", "unpacked", FULL, {"x-goog-stored-content-encoding": "gzip", "x-goog-stored-content-length": "20"}, "0123")
answer("s3_answer", "marked", FULL, {"etag": '"abc"', "x-amz-meta-bigarrays-write": "me after x", "content-length": "0"})
answer("s3_answer", "listing", FULL, {}, "<ListBucketResult><Name>b</Name><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken><EncodingType>url</EncodingType><Contents><Key>em/8_8_40/a%20b</Key><Size>3</Size><LastModified>x</LastModified></Contents></ListBucketResult>")
answer("s3_answer", "refusal", ERROR, {"x-amz-request-id": "7"}, '<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>be\n slow</Message><Region>eu</Region></Error>')
answer("gcs_answer", "object", FULL, {"x-goog-hash": "crc32c=AAAAAA==,md5=x", "x-goog-generation": "5", "x-goog-meta-bigarrays-write": "me after 7"}, '{"name":"a","size":"12","generation":"1795273024679486","contentEncoding":"gzip","metadata":{"bigarrays-write":"me after 7"}}')
answer("gcs_answer", "listing", FULL, {}, '{"nextPageToken":"t","items":[{"name":"em/8_8_40/a","size":"1","generation":"2"},{"name":"em/b","size":"1","generation":"2","contentEncoding":"zip"}]}')
answer("gcs_answer", "token", FULL, {}, '{"access_token":"abc","expires_in":3599,"token_type":"Bearer"}')
answer("gcs_answer", "token-for-ever", FULL, {}, '{"access_token":"abc","expires_in":18446744073709551615}')
answer("gcs_answer", "position", [2, 0, 0, 0], {"range": "bytes=0-99"})
answer("gcs_answer", "refusal", ERROR, {}, '{"error":{"code":403,"message":"no\\n no","errors":[{"reason":"rateLimitExceeded"}]}}')
for name, text in [
    ("cloudvolume", '{"AWS_ACCESS_KEY_ID":"a","AWS_SECRET_ACCESS_KEY":"b","AWS_SESSION_TOKEN":"c","region":"eu","endpoint":"http://one:1"}'),
    ("half", '{"AWS_ACCESS_KEY_ID":"a"}'), ("profile", "[default]\naws_access_key_id = a\naws_secret_access_key=b\ns3 =\n  region = x\n"),
    ("lab", "# c\n[profile  lab]\nREGION=x\n[default\nregion =\n"), ("numbers", '{"AWS_ACCESS_KEY_ID":1,"AWS_SECRET_ACCESS_KEY":[]}'),
]:
    seed("s3_credentials", name, text)
for name, document in [
    ("user", {"type": "authorized_user", "client_id": "a", "client_secret": "b", "refresh_token": "c"}),
    ("account", {"type": "service_account", "client_email": "a@b", "private_key": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "token_uri": "https://oauth2.googleapis.com/token"}),
    ("address", {"type": "authorized_user", "token_uri": "ftp://x"}), ("unknown", {"type": "external_account"}), ("nothing", {}),
]:
    seed("gcs_credentials", name, json.dumps(document))
