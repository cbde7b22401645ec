"""Compares the scales that `bigarrays downsample` makes with numpy and tinybrain.

    pyramid.py BIGARRAYS SHARED         labels and a brain: every voxel of every scale
    pyramid.py --rate BIGARRAYS SHARED  the time of the command beside that of CloudVolume with
                                        tinybrain, for the same scales of the same volume

SHARED is the folder of data beside the project; without its labels, labels are made up.
"""

import gzip
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile
import time

import numpy as np
import tinybrain

SCALES = 4


def run(*words):
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True)


def labels(shared):
    path = pathlib.Path(shared) / "data" / "labels_512_u32.npy.gz"
    if path.exists():
        with gzip.open(path) as file:
            return np.load(file)
    print("skipped: the labels beside the project are not here; made-up ones instead")
    rng = np.random.default_rng(3)
    return np.repeat(np.repeat(rng.integers(0, 900, (40, 44, 51), dtype="u4"), 5, 0), 3, 1)


def brain():
    """The MNI template, as nilearn has it; odd in every axis."""
    try:
        from nilearn.datasets import load_mni152_template
        data = load_mni152_template(resolution=1).get_fdata()
        return np.clip(data / data.max() * 255, 0, 255).astype("u1")
    except Exception as error:
        print(f"skipped: the MNI template is not here ({error}); a made-up image instead")
        return np.random.default_rng(4).integers(0, 256, (197, 233, 189), dtype="u1")


def corners(volume, factor):
    """The voxels of each window by their place in it, x fastest; absent ones are masked."""
    shape = [-(-n // f) for n, f in zip(volume.shape, factor)]
    for place in np.ndindex(*reversed(factor)):
        part = volume[tuple(slice(p, None, f) for p, f in zip(reversed(place), factor))]
        values = np.zeros(shape, volume.dtype)
        there = np.zeros(shape, bool)
        inside = tuple(slice(0, n) for n in part.shape)
        values[inside], there[inside] = part, True
        yield values, there


def mean(volume, factor):
    total, count = 0, 0
    for values, there in corners(volume, factor):
        total, count = total + np.where(there, values, 0).astype(np.int64), count + there
    return (total // count).astype(volume.dtype)


def mode(volume, factor):
    parts = list(corners(volume, factor))
    if np.prod(factor) == 4:
        # COUNTLESS: the second of a pair that comes first, else the last; at the end of the
        # volume the voxels there are are taken twice.
        (a, _), (b, b_in), (c, c_in), (d, d_in) = parts
        pick = np.where((a == b) | (a == c), a, np.where(b == c, b, d))
        return np.where(d_in, pick, a)
    best, best_count = None, 0
    for n, (value, there) in enumerate(parts):
        count = sum((value == other) & inside for other, inside in parts) * there
        if best is None:
            best, best_count = value, count
        better = count > best_count
        best, best_count = np.where(better, value, best), np.where(better, count, best_count)
    return best


def scales(program, folder, volume, factor, *options):
    source = folder / "source.npy"
    np.save(source, np.asfortranarray(volume))
    place = folder / "volume"
    kind = "segmentation" if volume.dtype.itemsize == 4 else "image"
    run(program, "import", source, place, "--type", kind, "--offset", "-3,11,1000")
    run(program, "downsample", place, "--factor", ",".join(map(str, factor)), "--scales", SCALES,
        *options)
    made = []
    for scale in range(1, SCALES + 1):
        run(program, "cutout", place, "--scale", scale, "--output", folder / "cut.npy")
        made.append(np.load(folder / "cut.npy")[..., 0])
    shutil.rmtree(place)
    return made


def check(program, shared):
    for name, volume, rule, theirs in (
        ("labels", labels(shared), mode, tinybrain.downsample_segmentation),
        ("brain", brain(), mean, tinybrain.downsample_with_averaging),
    ):
        for factor, options in (
            ((2, 2, 1), []),
            ((2, 2, 2), ["--sharded", "--memory", "64M"]),
        ):
            with tempfile.TemporaryDirectory() as folder:
                made = scales(program, pathlib.Path(folder), volume, factor, *options)
            finer = volume
            for number, scale in enumerate(made, 1):
                wanted = rule(finer, factor)
                assert scale.shape == wanted.shape, (name, factor, number, scale.shape)
                assert (scale == wanted).all(), (name, factor, number, "differs from numpy")
                # tinybrain leaves the last rows of odd images out, or zero: the even part is equal.
                even = tuple(slice(0, n - n % f) for n, f in zip(finer.shape, factor))
                if all(finer[even].shape):
                    other = theirs(np.asfortranarray(finer[even]), factor)[0]
                    inside = tuple(slice(0, n) for n in other.shape)
                    assert (scale[inside] == other).all(), (name, factor, number, "tinybrain")
                finer = scale
            print(f"{name}, factor {factor}: {SCALES} scales equal numpy and tinybrain")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"the largest process had {peak >> 10} MiB")


def rate(program, shared):
    """The same four scales of the labels: CloudVolume with tinybrain, as igneous does it."""
    import cloudvolume

    volume = labels(shared)
    for factor in ((2, 2, 1), (2, 2, 2)):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            np.save(folder / "source.npy", np.asfortranarray(volume))
            for name in ("ours", "theirs"):
                run(program, "import", folder / "source.npy", folder / name, "--type",
                    "segmentation", "--encoding", "compressed_segmentation", "--compress", "gzip")
            begun = time.perf_counter()
            run(program, "downsample", folder / "ours", "--factor", ",".join(map(str, factor)),
                "--scales", SCALES)
            ours = time.perf_counter() - begun
            begun = time.perf_counter()
            path = f"file://{folder / 'theirs'}"
            source = cloudvolume.CloudVolume(path, progress=False, parallel=1)
            data = source[:, :, :][..., 0]
            whole = np.array(factor)
            pyramid = tinybrain.downsample_segmentation(np.asfortranarray(data), factor, num_mips=SCALES)
            for mip, scale in enumerate(pyramid, 1):
                source.add_scale(tuple(int(f) for f in whole ** mip))
                source.commit_info()
                target = cloudvolume.CloudVolume(path, mip=mip, progress=False, parallel=1)
                target[:, :, :] = scale[..., np.newaxis]
            theirs = time.perf_counter() - begun
            print(f"{factor}: {ours:.2f} s here, {theirs:.2f} s by CloudVolume and tinybrain: "
                  f"{theirs / ours:.1f} times as fast")


if __name__ == "__main__":
    os.environ.setdefault("CLOUD_VOLUME_CACHE_DIR", tempfile.gettempdir())
    if sys.argv[1] == "--rate":
        rate(*sys.argv[2:4])
    else:
        check(*sys.argv[1:3])
