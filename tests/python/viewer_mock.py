"""A server like `bigarrays serve`, for work on the page in viewer/page: volumes made up on the spot.

    python viewer_mock.py [--port 8800] [--prefix /some/where] [--token T] [--neuroglancer DIST]

Image and segmentation have voxels of 8 x 8 x 40 nm, begin at an odd voxel and have three scales;
some labels are greater than 2^53. `PUT /mock/fail` with the body `on` makes all reads of voxels
fail (502), `off` makes them work again. The volume `broken` fails in one half always.
"""

import argparse
import http.server
import json
import mimetypes
import pathlib
import posixpath
import sys
import threading
import time
import urllib.parse

import numpy as np

from tissue import OFFSET, RESOLUTION, tissue

PAGE = pathlib.Path(__file__).resolve().parents[2] / "viewer" / "page"


class Volume:
    """An array [x, y, z, c] and its coarser scales, as precomputed has them."""

    def __init__(self, array, kind, offset=OFFSET, resolution=RESOLUTION, chunk=(64, 64, 16), coarser=2, mean=False):
        self.kind = kind
        self.is_broken = False
        self.scales = []
        offset, factor = np.array(offset), np.array([2, 2, 1])
        resolution = np.array(resolution)
        for left in reversed(range(coarser + 1)):
            self.scales.append((array, tuple(int(v) for v in offset), resolution, chunk))
            if left == 0:
                return
            # A coarse voxel covers the fine ones of twice its index, wherever the volume begins.
            begin = offset // factor
            before = offset - begin * factor
            after = (-(np.array(array.shape[:3]) + before)) % factor
            pads = [(int(b), int(a)) for b, a in zip(before, after)] + [(0, 0)]
            padded = np.pad(array, pads, mode="edge")
            parts = [padded[x::2, y::2] for x in (0, 1) for y in (0, 1)]
            array = (sum(p.astype(np.float64) for p in parts) / 4).astype(array.dtype) if mean else parts[0]
            offset, resolution = begin, resolution * factor

    def info(self):
        first = self.scales[0][0]
        return {
            "@type": "neuroglancer_multiscale_volume",
            "type": self.kind,
            "data_type": first.dtype.name,
            "num_channels": first.shape[3],
            "scales": [
                {
                    "key": "_".join(str(r) for r in resolution),
                    "size": list(array.shape[:3]),
                    "voxel_offset": list(offset),
                    "resolution": [int(r) for r in resolution],
                    "chunk_sizes": [list(chunk)],
                    "encoding": "raw",
                }
                for array, offset, resolution, chunk in self.scales
            ],
        }

    def scale(self, name):
        keys = [scale["key"] for scale in self.info()["scales"]]
        return self.scales[keys.index(name) if name in keys else int(name)]

    def cut(self, name, box):
        """The voxels of a box, zeros outside, as [x, y, z, c]."""
        array, offset, _, _ = self.scale(name)
        out = np.zeros([hi - lo for lo, hi in box] + [array.shape[3]], array.dtype)
        source, target = [], []
        for (lo, hi), start, size in zip(box, offset, array.shape):
            first, end = max(lo, start), min(hi, start + size)
            if first >= end:
                return out
            source.append(slice(first - start, end - start))
            target.append(slice(first - lo, end - lo))
        out[tuple(target)] = array[tuple(source)]
        return out


def volumes():
    image, labels = tissue()
    x, y, z = np.meshgrid(*(np.arange(n) for n in (120, 90, 70)), indexing="ij")
    waves = (np.sin(x / 9.0) * np.cos(y / 7.0) + z / 40.0).astype(np.float32)
    waves[50:60, 40:50, :] = np.nan
    counts = (waves * 9000 + 20000)
    counts = np.nan_to_num(counts, nan=0).astype(np.uint16)
    colours = np.stack([image[..., 0], np.roll(image[..., 0], 9, 0), 255 - image[..., 0]], -1)
    small = {"offset": (0, 0, 0), "resolution": (100, 100, 100), "chunk": (32, 32, 32), "coarser": 1}
    lines = np.arange(3328).astype(np.uint8)
    flat = (lines[:, None] ^ lines[None, :])[:, :, None, None]
    found = {
        "img": Volume(image, "image", mean=True),
        "seg": Volume(labels, "segmentation"),
        "counts": Volume(counts[..., None], "image", **small),
        "more/waves": Volume(waves[..., None], "image", **small),
        "signed": Volume((counts.astype(np.int32) - 20000)[..., None].astype(np.int16), "image", **small),
        "long": Volume(counts[..., None].astype(np.uint64) * 2**40, "image", **small),
        "rgb": Volume(colours, "image"),
        "flat": Volume(flat, "image", (0, 0, 0), (4, 4, 40), (128, 128, 1), coarser=0),
        "broken": Volume(image, "image"),
    }
    found["broken"].is_broken = True
    return found


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port=0, prefix="", token=None, neuroglancer=None, delay=0.0, found=None):
        super().__init__(("127.0.0.1", port), Handler)
        self.prefix, self.token, self.delay = prefix.rstrip("/"), token, delay
        self.neuroglancer = pathlib.Path(neuroglancer) if neuroglancer else None
        self.volumes = found or volumes()
        self.fails = False
        self.log = []

    def handle_error(self, *_):
        """Browsers stop requests when they like."""

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}{self.prefix}/"

    def start(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", kind="text/plain; charset=utf-8", **headers):
        body = body if isinstance(body, bytes) else body.encode()
        self.send_response(status)
        headers = {"Content-Type": kind, "Content-Length": len(body), "Access-Control-Allow-Origin": "*", **headers}
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def answer_json(self, value):
        self.answer(200, json.dumps(value), "application/json")

    def do_HEAD(self):
        self.do_GET()

    def do_PUT(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == f"{self.server.prefix}/mock/fail":
            self.server.fails = body == b"on"
        self.answer(200)

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        path = urllib.parse.unquote(url.path)
        if not path.startswith(f"{self.server.prefix}/"):
            return self.answer(404, "not here")
        path = path[len(self.server.prefix) + 1 :]
        self.server.log.append(self.path)
        if path.startswith("view/"):
            return self.file(PAGE, path[5:] or "index.html")
        if path.startswith("neuroglancer/") and self.server.neuroglancer:
            return self.file(self.server.neuroglancer, path[13:] or "index.html")
        if self.server.token and self.headers.get("Authorization") != f"Bearer {self.server.token}":
            return self.answer(401, "a token is needed", WWW_Authenticate="Bearer")
        if path == "v1/config":
            return self.answer_json({"neuroglancer": "../neuroglancer/" if self.server.neuroglancer else "https://neuroglancer.example/", "pyramid": False})
        if path == "v1/volumes":
            names = self.server.volumes.items()
            return self.answer_json({"volumes": [{"name": name, "type": volume.kind} for name, volume in names]})
        if path.startswith("v1/") and path.endswith("/cutout"):
            return self.cutout(path[3:-7], urllib.parse.parse_qs(url.query))
        name, _, rest = path.rpartition("/")
        if rest == "info" and name in self.server.volumes:
            return self.answer_json(self.server.volumes[name].info())
        return self.chunk(path)

    def file(self, folder, name):
        path = (folder / posixpath.normpath(name)).resolve()
        if folder.resolve() not in path.parents or not path.is_file():
            return self.answer(404, "no such file")
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        policy = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'"
        headers = {"Cache-Control": "no-cache"}
        if folder == PAGE:
            headers["Content-Security-Policy"] = policy
        self.answer(200, path.read_bytes(), {".js": "text/javascript", ".wasm": "application/wasm"}.get(path.suffix, kind), **headers)

    def cutout(self, name, query):
        time.sleep(self.server.delay)
        volume = self.server.volumes.get(name)
        if volume is None:
            return self.answer(404, "no such volume")
        box = [tuple(int(v) for v in axis.split(":")) for axis in query["box"][0].split(",")]
        scale = query.get("scale", ["0"])[0]
        _, offset, _, _ = volume.scale(scale)
        if self.server.fails or (volume.is_broken and box[0][0] <= offset[0]):
            return self.answer(502, json.dumps({"error": "the store does not answer: connection reset"}), "application/json")
        voxels = volume.cut(scale, box)
        self.answer(
            200,
            voxels.tobytes(order="F"),
            "application/octet-stream",
            X_Bigarrays_Shape=",".join(str(n) for n in voxels.shape),
            X_Bigarrays_Dtype=voxels.dtype.name,
            X_Bigarrays_Offset=",".join(str(lo) for lo, _ in box),
        )

    def chunk(self, path):
        """A stored chunk, as neuroglancer asks for it."""
        name, _, rest = path.partition("/")
        while name and name not in self.server.volumes:
            more, _, rest = rest.partition("/")
            name = f"{name}/{more}" if more else ""
        parts = rest.split("/")
        if not name or len(parts) != 2:
            return self.answer(404, "no such thing")
        try:
            box = []
            for axis in parts[1].split("_"):
                at = axis.index("-", 1)
                box.append((int(axis[:at]), int(axis[at + 1 :])))
            voxels = self.server.volumes[name].cut(parts[0], box)
        except (ValueError, IndexError):
            return self.answer(404, "no such chunk")
        self.answer(200, voxels.tobytes(order="F"), "application/octet-stream")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=8800)
    parser.add_argument("--prefix", default="")
    parser.add_argument("--token")
    parser.add_argument("--neuroglancer", help="a folder with a built client")
    parser.add_argument("--delay", type=float, default=0, help="seconds that each read of voxels takes")
    args = parser.parse_args()
    server = Server(args.port, args.prefix, args.token, args.neuroglancer, args.delay)
    print(f"{server.url}view/", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
