#!/usr/bin/env python3
"""Volumes of every local store read over HTTP by the rivals, and cutouts by their formats' readers.

    server_read.py BIGARRAYS WORKDIR
"""
import io
import json
import subprocess
import sys
import urllib.request
import warnings

warnings.filterwarnings("ignore")
import numpy as np
import tensorstore as ts
import tifffile
from cloudvolume import Bbox, CloudVolume
from PIL import Image

from served import has_store, serving, stores

BINARY, WORK = sys.argv[1:]
SHAPE, OFFSET = (150, 100, 70), (-13, 7, 1000)


def command(*words):
    return subprocess.run([BINARY, *map(str, words)], check=True, capture_output=True, text=True)


def same(got, want, what):
    got = np.asarray(got)
    assert got.dtype == want.dtype and got.shape == want.shape, (what, got.dtype, got.shape, want.shape)
    assert got.tobytes("F") == want.tobytes("F"), what + ": other voxels"


def read_cv(url, mip=0):
    v = CloudVolume(url, mip=mip, progress=False, fill_missing=True)
    return v.download(v.bounds, mip=mip)


def read_ts(url, mip=0):
    d = ts.open({"driver": "neuroglancer_precomputed", "scale_index": mip,
                 "kvstore": {"driver": "http", "base_url": url + "/"}}).result()
    return d.read().result()


def read(url, want, what, mip=0):
    same(read_cv(url, mip), want, what + " by cloud-volume")
    same(read_ts(url, mip), want, what + " by tensorstore")


def get(url, **headers):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
        return answer.read(), answer.headers


def main():
    rng = np.random.default_rng(7)
    image = np.asfortranarray(rng.integers(0, 256, SHAPE, dtype=np.uint8))
    labels = np.asfortranarray((rng.integers(0, 40, SHAPE) ** 5).astype(np.uint64))
    np.save(f"{WORK}/image.npy", image)
    np.save(f"{WORK}/labels.npy", labels)
    image, labels = image[..., None], labels[..., None]
    at = ["--offset", ",".join(map(str, OFFSET)), "--resolution", "8,8,8", "--chunk", "64,64,32"]
    urls = stores(BINARY, WORK)
    # Cuboid files show chunks as values of their own, with a description.
    cuboids = f"h5://{WORK}/cuboids"
    if has_store(BINARY, "h5"):
        command("import", f"{WORK}/image.npy", cuboids, *at)
    for url in urls.values():
        def below(name):
            return f"{url}?prefix={name}"
        command("import", f"{WORK}/image.npy", below("image"), *at)
        command("import", f"{WORK}/labels.npy", below("labels"), *at, "--type", "segmentation",
                "--encoding", "compressed_segmentation", "--sharded")
        if not url.startswith("file"):
            command("import", f"{WORK}/image.npy", below("packed"), *at, "--compress", "gzip")
    named = [f"{url}={name}" for name, url in urls.items()]
    if has_store(BINARY, "h5"):
        named.append(f"{cuboids}=cuboids")
    with serving(BINARY, *named, "--cache", "64M") as server:
        if has_store(BINARY, "h5"):
            read(server.url + "/cuboids", image, "cuboids")
        listed = json.loads(get(server.url + "/v1/volumes")[0])
        names = {volume["name"] for volume in listed["volumes"]}
        assert {f"{store}/{name}" for store in urls for name in ("image", "labels")} <= names, names
        for store in urls:
            root = f"{server.url}/{store}"
            read(root + "/image", image, store + " image")
            read(root + "/labels", labels, store + " labels")
            read(f"{server.url}/{store}@unsharded/labels", labels, store + " labels without shards")
            if "packed" in " ".join(names) and f"{store}/packed" in names:
                read(root + "/packed", image, store + " packed")
                assert get(f"{root}/packed/8_8_8/-13-51_7-71_1000-1032",
                           **{"Accept-Encoding": "gzip"})[1]["Content-Encoding"] == "gzip"
        # A few boxes that cross chunks.
        v = CloudVolume(f"{server.url}/lite/labels", progress=False, bounded=False, fill_missing=True)
        for _ in range(5):
            lo = rng.integers(0, SHAPE)
            hi = lo + 1 + rng.integers(0, np.array(SHAPE) - lo)
            got = np.asarray(v.download(Bbox(lo + OFFSET, hi + OFFSET)))
            if got.shape[:3] == tuple(hi - lo):
                same(got, labels[lo[0]:hi[0], lo[1]:hi[1], lo[2]:hi[2]], "a box")
        # Scales that nobody stored are those that `downsample` stores.
        for name in ("image", "labels"):
            made = f"file://{WORK}/made-{name}"
            command("copy", f"{urls['lite']}?prefix={name}", made)
            command("downsample", made, "--factor", "2,2,2", "--scales", "2")
            for mip in (1, 2):
                out = f"{WORK}/made.npy"
                command("cutout", made, "--scale", mip, "-o", out)
                read(f"{server.url}/lite@pyramid/{name}", np.load(out), f"made {name} {mip}", mip)
        cutouts(server.url)
    print(f"{len(urls)} stores read equal over HTTP: {', '.join(urls)}")


def cutouts(base):
    image = np.load(f"{WORK}/image.npy")
    box = "0:40,10:30,1005:1006"
    want = image[13:53, 3:23, 5:6]
    url = f"{base}/v1/lite/image/cutout?scale=8_8_8&box={box}&format="
    same(np.load(io.BytesIO(get(url + "npy")[0])), want[..., None], "npy")
    raw, headers = get(url + "raw")
    shape = [int(n) for n in headers["X-Bigarrays-Shape"].split(",")]
    got = np.frombuffer(raw, headers["X-Bigarrays-Dtype"]).reshape(shape, order="F")
    same(np.asfortranarray(got), want[..., None], "raw")
    assert headers["X-Bigarrays-Offset"] == "0,10,1005", headers
    png = np.asarray(Image.open(io.BytesIO(get(url + "png")[0])))
    assert (png.T == want[..., 0]).all()
    url = f"{base}/v1/lite/image/cutout?box=0:40,10:30,1005:1009&format=tiff"
    tiff = tifffile.imread(io.BytesIO(get(url)[0]))
    assert (tiff.transpose(2, 1, 0) == image[13:53, 3:23, 5:9]).all()


if __name__ == "__main__":
    main()
