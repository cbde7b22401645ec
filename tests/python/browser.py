"""Chromium without a window, spoken to over a pipe by its DevTools protocol; no driver is needed."""

import base64
import io
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time

import numpy as np
from PIL import Image

FLAGS = """--headless=new --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update
--disable-sync --disable-extensions --disable-dev-shm-usage --disable-quic --mute-audio --hide-scrollbars
--force-color-profile=srgb --remote-debugging-pipe""".split()


def find():
    """The program, or None."""
    wanted = os.environ.get("CHROMIUM")
    names = [wanted] if wanted else ["chromium", "chromium-browser", "google-chrome"]
    return next((path for path in map(shutil.which, names) if path), None)


class Browser:
    """One process. Replies and events come on a thread of their own."""

    def __init__(self, program):
        self.profile = tempfile.mkdtemp(prefix="viewer-")
        to_child, self.out = os.pipe()
        self.into, from_child = os.pipe()

        def pipes():
            # Chromium reads from descriptor 3 and writes to 4; first out of each other's way.
            high = [os.dup(to_child), os.dup(from_child)]
            while min(high) < 5:
                high = [os.dup(fd) for fd in high]
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        self.process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={self.profile}", "about:blank"],
            preexec_fn=pipes,
            close_fds=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_child)
        os.close(from_child)
        self.count, self.replies, self.events = 0, {}, []
        self.news, self.is_gone = threading.Condition(), False
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        rest = b""
        while data := os.read(self.into, 1 << 20):
            *messages, rest = (rest + data).split(b"\0")
            with self.news:
                for message in map(json.loads, messages):
                    if "id" in message:
                        self.replies[message["id"]] = message
                    else:
                        self.events.append(message)
                self.news.notify_all()
        with self.news:
            self.is_gone = True
            self.news.notify_all()

    def call(self, method, session=None, timeout=240, **params):
        with self.news:
            self.count += 1
            number = self.count
        message = {"id": number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        with self.news:
            if not self.news.wait_for(lambda: number in self.replies or self.is_gone, timeout) or self.is_gone:
                raise RuntimeError(f"the browser does not answer {method}")
            reply = self.replies.pop(number)
        if "error" in reply:
            raise RuntimeError(f"{method}: {reply['error']}")
        return reply["result"]

    def page(self, url="about:blank", **options):
        return Page(self, url, **options)

    def close(self):
        try:
            self.call("Browser.close", timeout=5)
            self.process.wait(5)
        except Exception:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.profile, ignore_errors=True)


class Page:
    """A tab."""

    def __init__(self, browser, url, size=(1400, 900), theme="dark", is_phone=False):
        self.browser = browser
        self.context = browser.call("Target.createBrowserContext")["browserContextId"]
        target = browser.call("Target.createTarget", url="about:blank", browserContextId=self.context)
        self.target = target["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=self.target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        self.look(size, theme, is_phone)
        self.is_phone = is_phone
        if url != "about:blank":
            self.go(url)

    def call(self, method, **params):
        return self.browser.call(method, session=self.session, **params)

    def look(self, size, theme="dark", is_phone=False):
        """Sets the size of the window in pixels, and the theme that the system has."""
        self.call("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=2 if is_phone else 1, mobile=is_phone)
        self.call("Emulation.setTouchEmulationEnabled", enabled=is_phone)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])

    def go(self, url):
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=url)
        self.wait("window.bigarrays !== undefined")

    def reload(self):
        self.js("window.isOld = true")
        self.call("Page.reload")
        self.wait("window.isOld === undefined && window.bigarrays !== undefined")

    def js(self, code):
        """The value of an expression, which may be a promise."""
        reply = self.call("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in reply:
            details = reply["exceptionDetails"]
            raise RuntimeError(details.get("exception", {}).get("description", details["text"]))
        return reply["result"].get("value")

    def wait(self, condition, seconds=90):
        end = time.time() + seconds
        while True:
            try:
                if self.js(condition):
                    return
            except RuntimeError:
                pass
            if time.time() > end:
                raise RuntimeError(f"in {seconds} s it has not come to: {condition}")
            time.sleep(0.05)

    def picture(self, path=None):
        """What is seen, as an array [row, column, rgb]."""
        data = base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])
        if path:
            path.write_bytes(data)
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))

    def mouse(self, kind, at, **more):
        self.call("Input.dispatchMouseEvent", type=kind, x=at[0], y=at[1], **more)

    def click(self, at, count=1):
        for n in range(1, count + 1):
            for kind in ("mousePressed", "mouseReleased"):
                self.mouse(kind, at, button="left", clickCount=n)

    def wheel(self, at, dy, modifiers=0):
        self.mouse("mouseWheel", at, deltaX=0, deltaY=dy, modifiers=modifiers)

    def drag(self, start, end):
        self.mouse("mousePressed", start, button="left", clickCount=1)
        for part in (0.25, 0.5, 0.75, 1):
            self.mouse("mouseMoved", [a + (b - a) * part for a, b in zip(start, end)], button="left", buttons=1)
        self.mouse("mouseReleased", end, button="left", clickCount=1)

    def touch(self, kind, *points):
        self.call("Input.dispatchTouchEvent", type=kind, touchPoints=[{"x": x, "y": y, "id": n} for n, (x, y) in enumerate(points)])

    def key(self, key, modifiers=0):
        text = {"text": key} if len(key) == 1 else {}
        if key == "Escape":
            text["windowsVirtualKeyCode"] = 27
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, modifiers=modifiers, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, modifiers=modifiers)

    def problems(self):
        """What the page threw, and what the browser logged as an error."""
        found = []
        with self.browser.news:
            events = [event for event in self.browser.events if event.get("sessionId") == self.session]
        for event in events:
            params = event["params"]
            if event["method"] == "Runtime.exceptionThrown":
                details = params["exceptionDetails"]
                found.append(details.get("exception", {}).get("description", details["text"]))
            elif event["method"] == "Log.entryAdded" and params["entry"]["level"] == "error":
                found.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
        return found

    def close(self):
        self.browser.call("Target.closeTarget", targetId=self.target)
        self.browser.call("Target.disposeBrowserContext", browserContextId=self.context)
