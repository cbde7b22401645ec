#!/usr/bin/env python3
"""The viewer's page over `bigarrays view`, driven in Chromium: viewer.py with the real server.

    server_viewer.py BIGARRAYS WORKDIR [PICTURES]
"""
import json
import pathlib
import subprocess
import sys
import urllib.parse

import numpy as np

import browser
from served import has_store, serving
from tissue import pyramids, run

BINARY, WORK = sys.argv[1:3]
PICTURES = sys.argv[3] if len(sys.argv) > 3 else f"{WORK}/pictures"


def one_scale(server):
    """A wide volume of one scale is shown whole, by scales that the server makes."""
    chromium = browser.Browser(browser.find())
    try:
        page = chromium.page(f"{server.url}/view/#layer=wide", size=(600, 500))
        page.js("bigarrays.idle()")
        assert page.js("bigarrays.scales('xy')[0]") > 0, page.js("bigarrays.scales('xy')")
        assert page.js("bigarrays.failures().xy") == [] and page.problems() == [], page.problems()
        x, y = page.js("bigarrays.pixelOf([700, 600, 2], 'xy')")
        state = json.dumps({"at": [700, 600, 2], "layers": [{"window": [0, 255]}]})
        page.js(f"bigarrays.set({state})")
        page.js("bigarrays.idle()")
        # The volume is 140 wherever x + y is even and 100 elsewhere: 120 from far away.
        told = page.js("bigarrays.voxelAt([700, 600, 2], 'xy')[0].text")
        assert told == "120", told
        link = page.js("bigarrays.neuroglancerLink()")
        assert "/wide%40pyramid" in urllib.parse.unquote(link) or "/wide@pyramid" in urllib.parse.unquote(link), link
    finally:
        chromium.close()


def main():
    if browser.find() is None:
        print("skipped: Chromium is not here; run ./test.sh")
        return
    labels = f"rocksdb://{WORK}/labels" if has_store(BINARY, "rocksdb") else f"{WORK}/labels"
    places = {"img": f"sqlite://{WORK}/img.db", "seg": labels}
    pyramids(BINARY, WORK, places["img"], places["seg"])
    x, y, z = np.ogrid[:1400, :1200, :4]
    np.save(f"{WORK}/wide.npy", np.asfortranarray(np.where((x + y + 0 * z) % 2 == 0, 140, 100).astype(np.uint8)))
    run(BINARY, "import", f"{WORK}/wide.npy", f"{WORK}/wide", "--resolution", "8,8,40")
    places["wide"] = f"{WORK}/wide"
    with serving(BINARY, *(f"{url}={name}" for name, url in places.items()), "--no-open", verb="view") as server:
        viewer = pathlib.Path(__file__).with_name("viewer.py")
        subprocess.run([sys.executable, viewer, server.url, "--pictures", PICTURES], check=True)
        one_scale(server)


if __name__ == "__main__":
    main()
