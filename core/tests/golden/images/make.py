#!/usr/bin/env python3
"""Writes the golden image chunks of ../jpeg, ../png and ../jxl.

Each chunk is a file of some other program, with the voxels that it stands for beside it (`.raw`:
little-endian, [x, y, z, channel] in Fortran order). The voxels of lossy files are what
libjpeg-turbo and libjxl decode. Made with Pillow 11.3.0 and imagecodecs 2026.3.6 (libjpeg-turbo
3.1.3, libpng 1.6.55, libjxl 0.11.2), TensorStore 0.1.86, cloud-volume 12.15.2.
"""

import io
import pathlib
import shutil
import struct
import tempfile
import zlib

import cloudvolume.chunks
import imagecodecs
import numpy as np
import tensorstore
from PIL import Image

HERE = pathlib.Path(__file__).resolve().parent.parent
SHAPE = (13, 7, 3)
RNG = np.random.default_rng(20260101)


def voxels(channels, dtype="uint8", shape=SHAPE):
    """Slow waves with some noise, other ones in each channel."""
    x, y, z = np.meshgrid(*map(np.arange, shape), indexing="ij")
    waves = [
        128 + 50 * np.sin((x + 5 * c) / 4) + 50 * np.cos((y + 3 * z + 2 * c) / 5)
        for c in range(channels)
    ]
    values = np.stack(waves, -1) + RNG.normal(0, 6, (*shape, channels))
    top = np.iinfo(dtype).max
    return np.clip(values * (top / 255), 0, top).astype(dtype)


def image(chunk, width=None):
    x, y, z, c = chunk.shape
    width = width or x
    pixels = chunk.reshape((x * y * z, c), order="F").reshape((-1, width, c))
    return np.ascontiguousarray(pixels[..., 0] if c == 1 else pixels)


def chunk_of(pixels, shape):
    return np.asarray(pixels).reshape((-1, shape[3])).reshape(shape, order="F")


def save(folder, name, stored, chunk):
    suffix = {"jpeg": "jpg"}.get(folder, folder)
    (HERE / folder).mkdir(exist_ok=True)
    (HERE / folder / f"{name}.{suffix}").write_bytes(stored)
    little = chunk.astype(chunk.dtype.newbyteorder("<"))
    (HERE / folder / f"{name}.raw").write_bytes(little.tobytes(order="F"))
    print(folder, name, len(stored))


def pillow(pixels, kind, **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def with_tensorstore(chunk, encoding):
    """The stored bytes of one chunk, and what TensorStore reads from them."""
    folder = tempfile.mkdtemp()
    store = tensorstore.open(
        {
            "driver": "neuroglancer_precomputed",
            "kvstore": {"driver": "file", "path": folder},
            "multiscale_metadata": {
                "type": "image",
                "data_type": str(chunk.dtype),
                "num_channels": chunk.shape[3],
            },
            "scale_metadata": {
                "size": chunk.shape[:3],
                "chunk_size": chunk.shape[:3],
                "encoding": encoding,
                "resolution": [1, 1, 1],
                "key": "0",
            },
            "create": True,
        }
    ).result()
    store.write(chunk).result()
    (stored,) = (pathlib.Path(folder) / "0").iterdir()
    found = stored.read_bytes(), store.read().result()
    shutil.rmtree(folder)
    return found


def jpeg():
    def lossy(name, stored, shape):
        save("jpeg", name, stored, chunk_of(imagecodecs.jpeg8_decode(stored), shape))

    gray, rgb = voxels(1), voxels(3)
    lossy("pil_gray", pillow(image(gray), "jpeg", quality=85), gray.shape)
    lossy("pil_gray_wide", pillow(image(gray, 13 * 7), "jpeg", quality=85), gray.shape)
    progressive = {"quality": 85, "progressive": True}
    lossy("pil_gray_progressive", pillow(image(gray), "jpeg", **progressive), gray.shape)
    for sampling in ("4:4:4", "4:2:2", "4:2:0"):
        for order in ({}, {"progressive": True}):
            name = f"pil_rgb_{sampling.replace(':', '')}" + ("_progressive" if order else "")
            stored = pillow(image(rgb), "jpeg", quality=85, subsampling=sampling, **order)
            lossy(name, stored, rgb.shape)
    narrow = voxels(3, shape=(3, 7, 3))
    lossy("pil_rgb_420_narrow", pillow(image(narrow), "jpeg", subsampling="4:2:0"), narrow.shape)
    restarts = pillow(image(rgb), "jpeg", quality=85, restart_marker_blocks=1)
    lossy("pil_rgb_420_restarts", restarts, rgb.shape)
    for sampling in ("440", "411"):
        stored = imagecodecs.jpeg8_encode(image(rgb), level=85, subsampling=sampling)
        lossy(f"turbo_rgb_{sampling}", stored, rgb.shape)
    direct = imagecodecs.jpeg8_encode(image(rgb), level=85, colorspace="rgb", outcolorspace="rgb")
    lossy("turbo_rgb_direct", direct, rgb.shape)
    lossy("cloudvolume_gray", cloudvolume.chunks.encode_jpeg(gray), gray.shape)
    lossy("cloudvolume_rgb", cloudvolume.chunks.encode_jpeg(rgb), rgb.shape)
    save("jpeg", "tensorstore_gray", *with_tensorstore(gray, "jpeg"))
    save("jpeg", "tensorstore_rgb", *with_tensorstore(rgb, "jpeg"))


def png():
    for dtype in ("uint8", "uint16"):
        for channels in (1, 2, 3, 4):
            chunk = voxels(channels, dtype)
            save("png", f"libpng_{dtype}_c{channels}", imagecodecs.png_encode(image(chunk)), chunk)
    chunk = voxels(1)
    save("png", "cloudvolume_uint8_c1", cloudvolume.chunks.encode_png(chunk), chunk)
    save("png", "tensorstore_uint8_c1", *with_tensorstore(chunk, "png"))
    save("png", "tensorstore_uint8_c3", *with_tensorstore(voxels(3), "png"))
    save("png", "tensorstore_uint16_c1", *with_tensorstore(voxels(1, "uint16"), "png"))
    save("png", "libpng_uint8_c1_square", imagecodecs.png_encode(image(chunk, 21)), chunk)
    # libspng interlaces, imagecodecs and Pillow do not.
    import pyspng

    interlaced = pyspng.encode(
        image(voxels(3)), progressive=pyspng.ProgressiveMode.INTERLACED
    )
    save("png", "spng_uint8_c3_interlaced", interlaced, chunk_of(pyspng.load(interlaced), (*SHAPE, 3)))


def refused_png():
    """Two pixels by hand: with a palette of two colours, and with one bit each."""

    def part(kind, content):
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    def write(name, bits, color, palette, row):
        header = struct.pack(">IIBBBBB", 2, 1, bits, color, 0, 0, 0)
        stored = b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + palette
        stored += part(b"IDAT", zlib.compress(b"\0" + row)) + part(b"IEND", b"")
        assert Image.open(io.BytesIO(stored)).convert("RGB").size == (2, 1)
        (HERE / "png" / f"{name}.png").write_bytes(stored)

    write("palette", 8, 3, part(b"PLTE", bytes([10, 20, 30, 40, 50, 60])), b"\0\1")
    write("gray_1bit", 1, 0, b"", b"\x40")


def jxl():
    for channels in (1, 3, 4):
        chunk = voxels(channels)
        pixels = image(chunk)
        save("jxl", f"lossless_c{channels}", imagecodecs.jpegxl_encode(pixels, lossless=True), chunk)
        lossy = imagecodecs.jpegxl_encode(pixels, level=85)
        decoded = chunk_of(imagecodecs.jpegxl_decode(lossy), chunk.shape)
        save("jxl", f"lossy_c{channels}", lossy, decoded)
    boxed = imagecodecs.jpegxl_encode(image(chunk := voxels(1)), lossless=True, usecontainer=True)
    save("jxl", "lossless_c1_container", boxed, chunk)
    stored = cloudvolume.chunks.encode_jpegxl(chunk, 85, 5, 0, 1)
    save("jxl", "cloudvolume_c1", stored, chunk_of(imagecodecs.jpegxl_decode(stored), chunk.shape))
    stored = cloudvolume.chunks.encode_jpegxl(chunk, 100, 5, 0, 1)
    save("jxl", "cloudvolume_c1_lossless", stored, chunk)
    row = voxels(1, shape=(13, 1, 1))
    save("jxl", "lossy_c1_one_row", imagecodecs.jpegxl_encode(image(row), level=85), row)


if __name__ == "__main__":
    jpeg()
    png()
    refused_png()
    jxl()
