#!/usr/bin/env python3
"""The viewer's page over `bigarrays view`, driven in Chromium: viewer.py with the real server.

    server_viewer.py BIGARRAYS WORKDIR [PICTURES]
"""
import pathlib
import subprocess
import sys

import browser
from served import has_store, serving
from tissue import pyramids

BINARY, WORK = sys.argv[1:3]
PICTURES = sys.argv[3] if len(sys.argv) > 3 else f"{WORK}/pictures"


def main():
    if browser.find() is None:
        print("skipped: Chromium is not here; run ./test.sh")
        return
    labels = f"rocksdb://{WORK}/labels" if has_store(BINARY, "rocksdb") else f"{WORK}/labels"
    places = {"img": f"sqlite://{WORK}/img.db", "seg": labels}
    pyramids(BINARY, WORK, places["img"], places["seg"])
    with serving(BINARY, *(f"{url}={name}" for name, url in places.items()), "--no-open", verb="view") as server:
        viewer = pathlib.Path(__file__).with_name("viewer.py")
        subprocess.run([sys.executable, viewer, server.url, "--pictures", PICTURES], check=True)


if __name__ == "__main__":
    main()
