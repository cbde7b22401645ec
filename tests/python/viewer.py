"""Drives the page in viewer/page as a hand would, and compares what is seen with the voxels.

    python viewer.py [URL] [--pictures FOLDER] [--only NAME…]

URL is that of a server such as `bigarrays serve`, without the `view/`. Without one the server of
viewer_mock.py is used, and what only that can do is looked at too: failures, tokens, prefixes.
Ends with status 1 if something is wrong, and with 77 if there is no Chromium.
"""

import argparse
import json
import pathlib
import re
import sys
import urllib.parse
import urllib.request

import numpy as np

import browser
import viewer_mock

SHIFT = 8
GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "viewer" / "colours.json"


def colour_of(label):
    """The rule of viewer/README.md, once more."""
    label = int(label)
    if label == 0:
        return [0, 0, 0]
    mask = 2**64 - 1
    bits = (label + 0x9E3779B97F4A7C15) & mask
    bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & mask
    bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & mask
    bits ^= bits >> 31
    f = np.float32
    hue = f(bits & 0xFFFF) / f(65536) * f(6)
    saturation = f(0.5) + f(bits >> 16 & 255) / f(510)
    value = f(160) + f(bits >> 24 & 255) / f(255) * f(95)
    parts = []
    for shift in (5, 3, 1):
        place = np.fmod(hue + f(shift), f(6))
        fade = min(max(min(place, f(4) - place), f(0)), f(1))
        parts.append(int(np.floor(float(value * (f(1) - saturation * fade)) + 0.5)))
    return parts


def grey_of(value, window):
    return int(min(max(np.floor((float(value) - window[0]) / (window[1] - window[0]) * 255 + 0.5), 0), 255))


class Run:
    """A server and a browser, and what was found."""

    def __init__(self, base, chromium, pictures):
        self.base, self.chromium, self.pictures = base, chromium, pictures
        self.count = 0
        listed = self.json("v1/volumes")["volumes"]
        first = {kind: [v["name"] for v in listed if v["type"] == kind][:1] for kind in ("image", "segmentation")}
        self.image, self.labels = first["image"][0], first["segmentation"][0]
        self.info = {name: self.json(f"{urllib.parse.quote(name)}/info") for name in (self.image, self.labels)}

    def get(self, path):
        with urllib.request.urlopen(self.base + path) as reply:
            return reply.read()

    def json(self, path):
        return json.loads(self.get(path))

    def voxel(self, name, at, scale=0):
        """A voxel as the server has it."""
        box = ",".join(f"{v}:{v + 1}" for v in at)
        data = self.get(f"v1/{urllib.parse.quote(name)}/cutout?box={box}&scale={scale}&format=raw")
        return np.frombuffer(data, np.dtype(self.info[name]["data_type"]))[0]

    def check(self, is_right, what):
        self.count += 1
        if not is_right:
            raise AssertionError(what)

    def equal(self, found, wanted, what):
        self.check(found == wanted, f"{what}: {found!r} is not {wanted!r}")

    def open(self, hash="", **options):
        page = self.chromium.page(f"{self.base}view/{hash}", **options)
        page.js("bigarrays.idle()")
        return page

    def set(self, page, **state):
        page.js(f"bigarrays.set({json.dumps(state)})")
        page.js("bigarrays.idle()")

    def inside(self, count, seed=3):
        """Some voxels of the segmentation's finest scale."""
        scale = self.info[self.labels]["scales"][0]
        rng = np.random.default_rng(seed)
        low = np.array(scale["voxel_offset"])
        return [[int(v) for v in rng.integers(low, low + scale["size"])] for _ in range(count)]

    def corners(self):
        scale = self.info[self.labels]["scales"][0]
        low = np.array(scale["voxel_offset"])
        high = low + scale["size"] - 1
        return [[int(v) for v in low], [int(v) for v in high]]

    def labelled(self):
        """A voxel with a label."""
        return next(at for at in self.inside(200, 5) if self.voxel(self.labels, at) != 0)

    def pixel(self, page, at, plane):
        x, y = page.js(f"bigarrays.pixelOf({at}, '{plane}')")
        return [int(v) for v in page.picture()[int(y), int(x)]]

    # What is looked at.

    def colours_are_the_same_everywhere(self):
        page = self.open()
        golden = json.loads(GOLDEN.read_text())["colours"]
        for label, wanted in golden.items():
            self.equal(page.js(f"bigarrays.labelColour('{label}')"), wanted, f"the colour of {label}")
            self.equal(colour_of(label), wanted, f"the colour of {label} in Python")
        rng = np.random.default_rng(1)
        labels = [str(int(v)) for v in rng.integers(0, 2**64 - 1, 3000, np.uint64)] + [str(n) for n in range(3000)]
        found = page.js(f"{json.dumps(labels)}.map(bigarrays.labelColour)")
        for label, colour in zip(labels, found):
            self.equal(colour, colour_of(label), f"the colour of {label}")
        page.close()

    def pixels_are_voxels(self):
        page = self.open()
        finest = min(self.info[self.image]["scales"][0]["resolution"])
        for at in self.corners() + self.inside(4):
            layers = [{"opacity": 1, "window": [30, 200], "visible": True}, {"opacity": 1, "visible": False}]
            self.set(page, at=at, centre=None, zoom=finest / 16, layers=layers)
            value = self.voxel(self.image, at)
            for plane in ("xy", "xz", "yz"):
                self.equal(self.pixel(page, at, plane), [grey_of(value, [30, 200])] * 3, f"the image at {at} in {plane}")
            self.set(page, layers=[{"visible": False}, {"visible": True}])
            label = self.voxel(self.labels, at)
            for plane in ("xy", "xz", "yz"):
                colour = self.pixel(page, at, plane)
                if label != 0:
                    self.equal(colour, colour_of(label), f"label {label} at {at} in {plane}")
            shown = page.js("document.querySelector('.card:not(.is-hidden) .value .text').textContent")
            self.equal(shown, str(label), f"the label that is told at {at}")
        self.set(page, layers=[{"visible": True}, {"visible": True, "opacity": 0.4}])
        page.close()

    def coarse_scales_are_where_they_belong(self):
        page = self.open()
        scales = self.info[self.labels]["scales"]
        for n, scale in enumerate(scales[1:], 1):
            for at in self.inside(3, seed=n):
                nm = np.array(at) * scales[0]["resolution"]
                coarse = [int(v) for v in nm // scale["resolution"]]
                self.set(page, at=at, centre=None, zoom=min(scale["resolution"]) * 1.0)
                self.equal(page.js("bigarrays.scales()")[-1], n, "the scale")
                found = page.js(f"bigarrays.voxelAt({at})")[-1]
                self.equal(found["label"], str(self.voxel(self.labels, coarse, n)), f"the label at {at} in scale {n}")
        page.close()

    def a_label_is_picked_by_a_double_click(self):
        page = self.open()
        at = self.labelled()
        label = str(self.voxel(self.labels, at))
        finest = min(self.info[self.image]["scales"][0]["resolution"])
        layers = [{"visible": False}, {"opacity": 1}]
        self.set(page, at=at, centre=None, zoom=finest / 8, layers=layers)
        spot = page.js(f"bigarrays.pixelOf({at})")
        page.click(spot, 2)
        page.js("bigarrays.idle()")
        self.equal(page.js("bigarrays.state().layers[1].selected"), [label], "the selection")
        self.equal(page.js("bigarrays.state().at"), at, "the crosshair")
        self.equal(self.pixel(page, at, "xy"), colour_of(label), "a selected label")
        self.check(page.js("document.querySelector('.chips').textContent").startswith(label), "the list has the label")
        other = next(v for v in self.inside(300, 9) if str(self.voxel(self.labels, v)) not in (label, "0"))
        self.set(page, at=other, centre=None)
        dimmed = self.pixel(page, other, "xy")
        self.check(max(dimmed) < max(colour_of(self.voxel(self.labels, other))), f"others are dimmed: {dimmed}")
        self.set(page, at=at, centre=None)
        page.click(page.js(f"bigarrays.pixelOf({at})"), 2)
        self.equal(page.js("bigarrays.state().layers[1].selected"), [], "the selection")
        page.key("s")
        self.equal(page.js("bigarrays.state().layers[1].selected"), [label], "the selection by key")
        page.js("document.querySelector('.chips button').click()")
        self.equal(page.js("bigarrays.state().layers[1].selected"), [], "the selection by its list")
        page.close()

    def hands_move_it(self):
        page = self.open()
        size = np.array(self.info[self.image]["scales"][0]["resolution"])
        at = self.labelled()
        self.set(page, at=at, centre=None, zoom=float(size[0]) / 4)
        spot = page.js(f"bigarrays.pixelOf({at})")
        spot = [spot[0] + 40, spot[1] - 24]
        # Forty pixels are ten voxels.
        page.click(spot)
        self.equal(page.js("bigarrays.state().at"), [at[0] + 10, at[1] - 6, at[2]], "the crosshair after a click")
        before = page.js(f"bigarrays.pixelOf({at})")
        page.drag(spot, [spot[0] + 60, spot[1] + 30])
        after = page.js(f"bigarrays.pixelOf({at})")
        self.equal([round(b - a) for a, b in zip(before, after)], [60, 30], "a drag")
        # The place below the pointer stays.
        page.wheel(after, 480)
        page.wait("bigarrays.state().zoom > 7")
        page.js("bigarrays.idle()")
        zoomed = page.js(f"bigarrays.pixelOf({at})")
        self.check(max(abs(a - b) for a, b in zip(after, zoomed)) < 1.5, f"zoomed about the pointer: {after}, {zoomed}")
        scales = [page.js("bigarrays.scales()")[0]]
        for _ in range(3):
            page.wheel(after, 240)
            page.js("new Promise((done) => setTimeout(done, 60))")
            page.js("bigarrays.idle()")
            scales.append(page.js("bigarrays.scales()")[0])
        self.check(scales == sorted(scales) and scales[-1] > scales[0], f"the scales while zooming out: {scales}")
        z = page.js("bigarrays.state().at[2]")
        page.wheel(after, 60, SHIFT)
        page.wait(f"bigarrays.state().at[2] === {z + 1}")
        page.key(",")
        self.equal(page.js("bigarrays.state().at[2]"), z, "the slice after a key")
        x = page.js("bigarrays.state().at[0]")
        page.key("ArrowRight")
        page.key("ArrowRight", SHIFT)
        self.equal(page.js("bigarrays.state().at[0]"), x + 11, "the crosshair after keys")
        page.js("(() => { const field = document.getElementById('at-y'); field.value = 3; field.dispatchEvent(new Event('change')); })()")
        self.equal(page.js("bigarrays.state().at[1]"), 3, "the position that was typed")
        page.key("?")
        self.check(page.js("document.getElementById('keys').open"), "the help is there")
        page.key("Escape")
        page.key("1")
        self.equal(page.js("bigarrays.state().large"), "xy", "one plane in all the room")
        page.key("Escape")
        self.equal(page.problems(), [], "problems")
        page.close()

    def a_reload_keeps_the_place(self):
        page = self.open()
        at = self.inside(1, 11)[0]
        layers = [{"opacity": 0.75, "window": [12.5, 99]}, {"opacity": 0.3, "selected": ["9007199254740993", "5"]}]
        self.set(page, at=at, centre=[v + 3.25 for v in at], zoom=5.5, large="xz", layers=layers)
        before = page.js("bigarrays.state()")
        page.wait("location.hash.includes('plane=xz')")
        page.reload()
        page.js("bigarrays.idle()")
        self.equal(page.js("bigarrays.state()"), before, "the state after a reload")
        link = page.js("location.href")
        page.close()
        page = self.open("#" + link.split("#")[1])
        self.equal(page.js("bigarrays.state()"), before, "the state of a link")
        page.close()

    def neuroglancer_opens_at_the_same_place(self):
        page = self.open()
        at = self.labelled()
        self.set(page, at=at, centre=None, zoom=16, layers=[{"window": [10, 90]}, {"selected": [str(2**53 + 1)]}])
        link = page.js("bigarrays.neuroglancerLink()")
        state = json.loads(urllib.parse.unquote(link.split("#!")[1]))
        resolution = self.info[self.image]["scales"][0]["resolution"]
        self.equal(state["position"], [v + 0.5 for v in at], "the position")
        self.equal(state["crossSectionScale"], 16 / min(resolution), "the scale")
        self.check(np.allclose([state["dimensions"][a][0] for a in "xyz"], np.array(resolution) * 1e-9), "the dimensions")
        sources = [layer["source"] for layer in state["layers"]]
        self.equal(sources, [f"precomputed://{self.base}{urllib.parse.quote(name)}" for name in (self.image, self.labels)], "the sources")
        self.equal(state["layers"][1]["segments"], [str(2**53 + 1)], "the segments")
        self.equal(state["layers"][0]["shaderControls"]["normalized"]["range"], [10, 90], "the contrast")
        page.close()

    def fingers_move_it(self):
        page = self.open(size=(390, 844), is_phone=True)
        spot = page.js("bigarrays.pixelOf()")
        before = page.js("bigarrays.state().zoom")
        page.touch("touchStart", [spot[0] - 20, spot[1]], [spot[0] + 20, spot[1]])
        for reach in (30, 40, 60, 80):
            page.touch("touchMove", [spot[0] - reach, spot[1]], [spot[0] + reach, spot[1]])
        page.touch("touchEnd")
        page.js("bigarrays.idle()")
        after = page.js("bigarrays.state().zoom")
        self.check(3 < before / after < 4.5, f"a pinch zooms: {before}, {after}")
        at = page.js("bigarrays.state().at")
        page.touch("touchStart", [spot[0] + 50, spot[1]])
        page.touch("touchEnd")
        page.wait(f"bigarrays.state().at[0] > {at[0]}")
        wide = page.js("document.documentElement.scrollWidth")
        self.check(wide <= 390, f"the page is {wide} pixels wide")
        page.close()

    def every_control_has_a_name(self):
        page = self.open()
        nameless = page.js("""[...document.querySelectorAll('button, input, select, [tabindex]')].filter((element) => {
            const label = element.closest('label')?.textContent ?? '';
            const said = element.getAttribute('aria-label') ?? element.title ?? '';
            return !(label + said + (element.tagName === 'BUTTON' ? element.textContent : '')).trim();
        }).map((element) => element.outerHTML)""")
        self.equal(nameless, [], "controls without a name")
        outside = page.js("performance.getEntriesByType('resource').map((entry) => entry.name).filter((name) => !name.startsWith(location.origin))")
        self.equal(outside, [], "requests to others")
        page.close()

    def take_pictures(self):
        sizes = [("wide", (1400, 900), False), ("small", (900, 700), False), ("phone", (390, 844), True)]
        for name, size, is_phone in sizes:
            for theme in ("dark", "light"):
                page = self.open(size=size, theme=theme, is_phone=is_phone)
                page.js("new Promise((done) => setTimeout(done, 400))")
                page.picture(self.pictures / f"{name}-{theme}.png")
                if is_phone:
                    page.js("scrollTo(0, 1e6)")
                    page.picture(self.pictures / f"{name}-{theme}-below.png")
                self.equal(page.problems(), [], f"problems of {name}, {theme}")
                page.close()
        page = self.open(theme="dark")
        at = self.labelled()
        labels = [str(self.voxel(self.labels, v)) for v in self.inside(12, 2)]
        self.set(page, at=at, centre=None, zoom=3, layers=[{}, {"opacity": 0.6, "selected": [v for v in dict.fromkeys(labels) if v != "0"]}])
        spot = page.js(f"bigarrays.pixelOf({at})")
        page.mouse("mouseMoved", [spot[0] + 60, spot[1] + 30])
        page.js("new Promise((done) => setTimeout(done, 400))")
        page.picture(self.pictures / "selected-dark.png")
        page.key("1")
        page.js("bigarrays.idle()")
        page.picture(self.pictures / "large-dark.png")
        page.key("?")
        page.picture(self.pictures / "help-dark.png")
        page.close()


class MockRun(Run):
    """What only our own server can do."""

    def __init__(self, server, *rest):
        self.server = server
        super().__init__(server.url, *rest)

    def failures_are_seen_and_are_no_zeros(self):
        page = self.open()
        at = self.labelled()
        self.set(page, at=at, centre=None, zoom=4, layers=[{"opacity": 1}, {"visible": False}])
        self.server.fails = True
        moved = [at[0], at[1], at[2] + 7 if at[2] < 1030 else at[2] - 7]
        self.set(page, at=moved)
        failures = page.js("bigarrays.failures().xy")
        self.check(failures and "502" in failures[0] and "connection reset" in failures[0], f"failures: {failures}")
        told = page.js("document.querySelector('[data-plane=xy] [data-part=error]').innerText")
        self.check("cannot be read" in told and "502" in told, f"told: {told}")
        self.equal(page.js(f"bigarrays.voxelAt({moved})[0].state"), "failed", "the voxel")
        x, y = page.js(f"bigarrays.pixelOf({moved})")
        area = page.picture(self.pictures / "failed-dark.png")[int(y) - 30 : int(y) + 30, int(x) - 60 : int(x) - 12].reshape(-1, 3).astype(int)
        red = (area[:, 0] > area[:, 1] + 25).mean()
        self.check(red > 0.9, f"what failed is hatched in red: {red}")
        self.server.fails = False
        page.js("document.querySelector('[data-plane=xy] [data-part=retry]').click()")
        page.js("bigarrays.idle()")
        self.equal(page.js("bigarrays.failures().xy"), [], "failures after another try")
        self.equal(page.js(f"bigarrays.voxelAt({moved})[0].text"), str(self.voxel(self.image, moved)), "the voxel")
        page.close()
        page = self.open("#layer=broken", theme="light")
        page.js("new Promise((done) => setTimeout(done, 300))")
        page.picture(self.pictures / "broken-light.png")
        self.check(page.js("bigarrays.failures().xy.length") > 0, "a part of it fails")
        page.close()
        page = self.open("#layer=nothing")
        self.check("404" in page.js("document.querySelector('.failure').textContent"), "a volume that is not there")
        page.close()

    def all_types_are_shown(self):
        for name in ("counts", "more/waves", "signed", "long", "rgb"):
            page = self.open(f"#layer={urllib.parse.quote(name)}")
            layer = page.js("bigarrays.state().layers[0]")
            self.check(layer["window"] and layer["window"][0] < layer["window"][1], f"the contrast of {name}: {layer}")
            array, offset, _, _ = self.server.volumes[name].scales[0]
            at = [o + n // 3 for o, n in zip(offset, array.shape)]
            self.set(page, at=at, centre=None, zoom=float(self.server.volumes[name].scales[0][2][0]) / 12)
            values = array[tuple(v - o for v, o in zip(at, offset))]
            wanted = [grey_of(v, layer["window"]) for v in values]
            wanted = wanted * 3 if len(wanted) == 1 else wanted
            for plane in ("xy", "xz", "yz"):
                self.equal(self.pixel(page, at, plane), wanted, f"{name} in {plane}")
            told = page.js("document.querySelector('.value .text').textContent").split(", ")
            self.check(np.allclose([float(v) for v in told], values.astype(float), rtol=1e-6), f"{name}: {told}, {values}")
            self.equal(page.problems(), [], f"problems of {name}")
            page.close()

    def tokens_and_prefixes(self):
        locked = viewer_mock.Server(prefix="/some/where", token="secret", found=self.server.volumes).start()
        page = self.chromium.page(f"{locked.url}view/")
        page.wait("document.getElementById('login').open")
        page.picture(self.pictures / "login-dark.png")
        for token in ("wrong", "secret"):
            page.wait("document.getElementById('login').open")
            page.js(f"document.querySelector('#login input').value = '{token}'")
            page.js("document.querySelector('#login button').click()")
        page.wait("bigarrays.state().at !== null")
        page.js("bigarrays.idle()")
        self.equal(page.js("bigarrays.voxelAt()[0].state"), "ready", "the voxel")
        page.close()
        page = self.chromium.page(f"{locked.url}view/#token=secret")
        page.wait("bigarrays.state().at !== null")
        page.js("bigarrays.idle()")
        page.wait("location.hash.includes('at=')")
        self.check("secret" not in page.js("location.href"), "the token is not in the link")
        page.close()
        locked.shutdown()

    def layers_come_and_go_and_the_place_stays(self):
        page = self.open("#layer=img&layer=counts&at=20,20,1005")
        # 164 nm are voxel 1 of 100 nm; z is outside of the other volume, and moved inside.
        page.js("[...document.querySelectorAll('.card')].at(-1).querySelector('[title=Remove]').click()")
        page.js("bigarrays.idle()")
        self.equal(page.js("bigarrays.state().at"), [1, 1, 69], "the crosshair")
        page.js("(() => { const add = document.getElementById('add'); add.value = 'seg'; add.dispatchEvent(new Event('change')); })()")
        page.js("bigarrays.idle()")
        self.equal(page.js("bigarrays.state().layers.map((layer) => [layer.volume, layer.opacity])"), [["counts", 1], ["seg", 0.4]], "the layers")
        page.js("location.hash = 'zoom=50'")
        page.wait("bigarrays.state().zoom === 50")
        self.equal(page.js("bigarrays.state().at"), [1, 1, 69], "the crosshair after an address that does not tell it")
        self.equal(page.problems(), [], "problems")
        page.close()

    def a_plane_without_coarse_scales_shows_its_middle(self):
        self.server.log.clear()
        page = self.open("#layer=flat&layer=seg")
        page.js("new Promise((done) => setTimeout(done, 300))")
        page.picture(self.pictures / "flat-dark.png")
        told = page.js("document.querySelector('[data-plane=xy] [data-part=status]').textContent")
        self.check("zoom in" in told, f"told: {told}")
        wide = re.compile(r"/flat/cutout\?box=(\d+):(\d+),(\d+):(\d+),0:1&")
        found = {tuple(map(int, match.groups())) for match in map(wide.search, self.server.log) if match}
        # Those of the other planes are one voxel thick.
        asked = sum(1 for x0, x1, y0, y1 in found if x1 - x0 > 1 and y1 - y0 > 1)
        self.check(0 < asked <= 144, f"{asked} tiles")
        self.equal(page.js("bigarrays.state().layers.map((layer) => layer.opacity)"), [1, 0.4], "the opacities")
        page.close()

    def memory_is_bounded_and_requests_are_stopped(self):
        self.server.delay = 0.05
        page = self.open()
        self.server.log.clear()
        most = page.js("""(async () => {
            let most = 0;
            for (let z = 1010; z < 1040; z++) {
                bigarrays.set({ at: [100, 100, z] });
                await new Promise(requestAnimationFrame);
                most = Math.max(most, bigarrays.tiles().loading);
            }
            await bigarrays.idle();
            return most;
        })()""")
        asked = len([path for path in self.server.log if "cutout" in path])
        self.check(most <= 6, f"{most} requests at a time")
        self.check(asked < 450, f"{asked} requests for slices that were passed by")
        self.check(page.js("bigarrays.tiles().bytes") <= 256 << 20, "bytes are bounded")
        self.server.delay = 0
        page.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url", nargs="?")
    parser.add_argument("--pictures", type=pathlib.Path, default=pathlib.Path("viewer-pictures"))
    parser.add_argument("--only", nargs="*", help="parts of the names of checks")
    args = parser.parse_args()
    program = browser.find()
    if program is None:
        print("there is no Chromium")
        sys.exit(77)
    args.pictures.mkdir(parents=True, exist_ok=True)
    chromium = browser.Browser(program)
    failed = 0
    try:
        if args.url:
            run = Run(args.url.rstrip("/") + "/", chromium, args.pictures)
        else:
            run = MockRun(viewer_mock.Server().start(), chromium, args.pictures)
        helpers = {"check", "equal", "get", "json", "voxel", "open", "set", "inside", "corners", "labelled", "pixel"}
        names = [name for kind in (Run, MockRun) for name in vars(kind) if not name.startswith("_") and name not in helpers]
        for name in names:
            if not hasattr(run, name) or (args.only and not any(part in name for part in args.only)):
                continue
            try:
                getattr(run, name)()
                print(f"ok      {name.replace('_', ' ')}", flush=True)
            except (AssertionError, RuntimeError) as error:
                failed += 1
                print(f"FAILED  {name.replace('_', ' ')}: {error}", flush=True)
        print(f"{run.count} comparisons, {failed} of the checks failed")
    finally:
        chromium.close()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
