"""Cells made up on the spot: an image and the labels of it, for tests of viewers."""

import subprocess

import numpy as np

OFFSET = (5, -7, 1003)
RESOLUTION = (8, 8, 40)
SIZE = (233, 191, 41)


def tissue(seed=7):
    """Cells in a space of SIZE: labels, and an image with dark membranes and some organelles."""
    rng = np.random.default_rng(seed)
    unit = np.array(RESOLUTION, np.float32) / RESOLUTION[0]
    extent = np.array(SIZE) * unit
    count = 45
    seeds = rng.uniform([0, 0, 0], extent, (count, 3)).astype(np.float32)
    x, y, z = (np.arange(n, dtype=np.float32) * u for n, u in zip(SIZE, unit))
    waves = [rng.uniform(0.02, 0.05) for _ in range(3)]
    near = np.full(SIZE, np.inf, np.float32)
    second = near.copy()
    labels = np.zeros(SIZE, np.int16)
    # Space is bent, so that cells have no flat faces.
    bent = [
        x[:, None, None] + 9 * np.sin(waves[0] * y)[None, :, None] + 6 * np.sin(waves[1] * z)[None, None, :],
        y[None, :, None] + 9 * np.sin(waves[1] * x + 1)[:, None, None] + 6 * np.sin(waves[2] * z + 2)[None, None, :],
        z[None, None, :] + 6 * np.sin(waves[2] * x + 3)[:, None, None] + 0 * y[None, :, None],
    ]
    for n, seed_at in enumerate(seeds):
        away = sum(((axis - at) ** 2 for axis, at in zip(bent, seed_at)), np.float32(0))
        away = np.sqrt(away)
        is_nearer = away < near
        second = np.minimum(np.where(is_nearer, near, away), second)
        labels[is_nearer] = n + 1
        near = np.minimum(near, away)
    wall = second - near
    image = 176 + 18 * np.sin(labels * 2.4) - 118 * np.exp(-((wall / 3.2) ** 2))
    spots = np.zeros(SIZE, np.float32)
    for at in rng.uniform([0, 0, 0], extent, (60, 3)):
        radius = rng.uniform(4, 11)
        low = [max(int((a - radius) / u), 0) for a, u in zip(at, unit)]
        high = [min(int((a + radius) / u) + 2, n) for a, u, n in zip(at, unit, SIZE)]
        part = tuple(slice(a, b) for a, b in zip(low, high))
        away = sum((ax[p].reshape([-1 if i == j else 1 for j in range(3)]) - a) ** 2 for i, (ax, p, a) in enumerate(zip((x, y, z), part, at)))
        ring = 60 * np.exp(-(((np.sqrt(away) - radius * 0.75) / 2) ** 2)) + 22 * (away < (radius * 0.7) ** 2)
        spots[part] = np.maximum(spots[part], ring)
    image = image - np.where(wall > 8, spots, 0) + rng.normal(0, 9, SIZE)
    ids = np.array([0] + [label_of(n) for n in range(1, count + 1)], np.uint64)
    # Membranes and the space between some cells have no label.
    labels[wall < 2.2] = 0
    labels[np.isin(labels, [4, 17, 40])] = 0
    return np.clip(image, 1, 255).astype(np.uint8)[..., None], ids[labels][..., None]


def label_of(n):
    """Small numbers, numbers that a double does not hold, and one with the highest bit."""
    if n % 3 == 0:
        return 2**53 + 2 * n + 1
    return 2**63 + 7 * n if n % 7 == 0 else n


def pyramids(binary, work, image_url, labels_url):
    """Imports both into stores, the labels sharded, with two coarser scales; the voxels."""
    voxels = tissue()
    more = [[], ["--type", "segmentation", "--encoding", "compressed_segmentation", "--sharded"]]
    for name, array, url, options in zip(("image", "labels"), voxels, (image_url, labels_url), more):
        path = f"{work}/{name}.npy"
        np.save(path, np.asfortranarray(array))
        triple = [",".join(map(str, values)) for values in (OFFSET, RESOLUTION)]
        run(binary, "import", path, url, "--offset", triple[0], "--resolution", triple[1], "--chunk", "64,64,16", *options)
        run(binary, "downsample", url, "--factor", "2,2,1", "--scales", "2")
    return voxels


def run(binary, *arguments):
    """Runs the command; what it says is only seen if it fails."""
    done = subprocess.run([binary, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, f"{arguments}: {done.stderr}"
