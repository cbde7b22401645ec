#!/usr/bin/env python3
"""The real neuroglancer client, in Chromium, shows an image and a segmentation from our server; and
where nothing is stored it shows nothing, so that seeing something means something.

    server_neuroglancer.py BIGARRAYS WORKDIR NG_SHOT PYTHON

PYTHON is one with the package `neuroglancer`, whose client is tried first; then the one that the
server has in itself, if it has.
"""
import json
import subprocess
import sys
import urllib.error
import urllib.request

import numpy as np

import browser
from served import has_store, serving
from tissue import pyramids, run

BINARY, WORK, NG_SHOT, PYTHON = sys.argv[1:]
WINDOW = (800, 600)


def shot(name, url, part, *more):
    """What ng_shot.py tells, and its status: 0 if at least so much is drawn."""
    line = [PYTHON, NG_SHOT, "--out", f"{WORK}/{name}.png", "--size", "x".join(map(str, WINDOW)),
            "--min-fraction", str(part), *more, url]
    done = subprocess.run(line, capture_output=True, text=True)
    told = json.loads(done.stdout.splitlines()[-1]) if done.stdout.strip() else {}
    return done.returncode, told, done.stderr


def known_parts(image, labels):
    """The parts of the window that the middle slices fill: the volume's longest edge is 1/1.15 of
    the window's shorter one."""
    pixels = min(WINDOW) / 1.15 / max(image.shape[:2])
    middle = image.shape[2] // 2
    full = pixels**2 / (WINDOW[0] * WINDOW[1])
    return full * image[:, :, middle].size, full * np.count_nonzero(labels[:, :, middle])


def has_client(server):
    try:
        with urllib.request.urlopen(f"{server.url}/neuroglancer/") as answer:
            return answer.status == 200
    except urllib.error.HTTPError as error:
        assert error.code == 404 and "viewer/build.sh" in error.read().decode()
        return False


def main():
    if browser.find() is None:
        print("skipped: Chromium is not here; run ./test.sh")
        return
    labels_url = f"rocksdb://{WORK}/labels" if has_store(BINARY, "rocksdb") else f"{WORK}/labels"
    image, labels = pyramids(BINARY, WORK, f"sqlite://{WORK}/img.db", labels_url)
    run(BINARY, "create", f"{WORK}/empty", "--size", "233,191,41", "--dtype", "uint8", "--resolution", "8,8,40")
    image_part, label_part = known_parts(image, labels)
    places = {"img": f"sqlite://{WORK}/img.db", "seg": labels_url, "empty": f"{WORK}/empty"}
    with serving(BINARY, *(f"{url}={name}" for name, url in places.items())) as server:
        clients = {"PyPI's client": []}
        if has_client(server):
            clients["the embedded client"] = ["--client", f"{server.url}/neuroglancer/"]
        else:
            print("skipped: this build has no neuroglancer; run viewer/build.sh before it is built")
        for who, option in clients.items():
            for name, part in (("img", image_part), ("img@pyramid", image_part), ("seg", label_part)):
                status, told, said = shot(name, f"{server.url}/{name}", 0.97 * part, *option)
                assert status == 0 and not told["problems"], (who, name, part, told, said)
                assert told["data_fraction"] < 1.03 * part, (who, name, part, told)
                print(f"{who}: {name} fills {told['data_fraction']} of the window, {part:.4f} are known")
            status, told, said = shot("empty", f"{server.url}/empty", 0.001, *option)
            assert status == 2 and told["data_fraction"] == 0, (who, "empty", status, told, said)


if __name__ == "__main__":
    main()
