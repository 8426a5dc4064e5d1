"""A browser for tests: headless Chromium over --remote-debugging-pipe, a page at a time.

The DevTools protocol is JSON between NUL bytes, on the descriptors 3 (to the browser) and 4 (from
it): no port, no websocket. Nothing is fetched: every host name is unknown. What a page does that it
should not (requests, console messages, exceptions) is kept by its Page.
"""

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import sys
import tempfile
import time

TIME_LIMIT = 60
OPTIONS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
           "--no-first-run", "--disable-extensions", "--disable-background-networking",
           "--disable-component-update", "--disable-sync", "--hide-scrollbars",
           "--force-device-scale-factor=1", "--host-resolver-rules=MAP * ~NOTFOUND",
           "--remote-debugging-pipe"]


def find():
    """The path of a Chromium, or None."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
                None)


class Trouble(Exception):
    """The browser answered with an error, or not at all."""


class Browser:
    """with Browser() as browser: page = browser.open("/tmp/page.html")"""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="snn-browser-")
        to_read, self.to_write = high_pipe()
        self.from_read, from_write = high_pipe()
        log = os.path.join(self.folder, "log")
        program = find()
        arguments = [program, *OPTIONS, f"--user-data-dir={self.folder}/profile", "about:blank"]
        actions = [(os.POSIX_SPAWN_DUP2, to_read, 3), (os.POSIX_SPAWN_DUP2, from_write, 4),
                   (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                   (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT, 0o600),
                   (os.POSIX_SPAWN_DUP2, 1, 2)]
        environment = {**os.environ, "HOME": self.folder, "LC_ALL": "C.UTF-8"}
        self.pid = os.posix_spawn(program, arguments, environment, file_actions=actions,
                                  setpgroup=0)
        os.close(to_read)
        os.close(from_write)
        self.left = b""
        self.last = 0
        self.answers = {}
        self.pages = {}
        self.tabs = []  # that pages have left: a new one takes half a second

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.call("Browser.close")
        except (Trouble, OSError):
            pass
        os.close(self.to_write)
        os.close(self.from_read)
        if not self.has_ended(5):
            os.killpg(self.pid, signal.SIGKILL)
            self.has_ended(5)
        shutil.rmtree(self.folder, ignore_errors=True)

    def has_ended(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if os.waitpid(self.pid, os.WNOHANG)[0] != 0:
                return True
            time.sleep(0.02)
        return False

    def call(self, method, session=None, **parameters):
        """Asks the browser, or a page by its session, and waits for the answer."""
        self.last += 1
        number = self.last
        message = {"id": number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.to_write, data):]
        self.wait(lambda: number in self.answers, method)
        answer = self.answers.pop(number)
        if "error" in answer:
            raise Trouble(f"{method}: {answer['error'].get('message')}")
        return answer["result"]

    def wait(self, is_done, what):
        """Takes messages until something is done."""
        end = time.monotonic() + TIME_LIMIT
        while not is_done():
            for message in self.receive(end - time.monotonic(), what):
                if "id" in message:
                    self.answers[message["id"]] = message
                elif message.get("sessionId") in self.pages:
                    self.pages[message["sessionId"]].note(message["method"], message["params"])

    def receive(self, seconds, what):
        ready = select.select([self.from_read], [], [], max(seconds, 0))[0]
        data = os.read(self.from_read, 1 << 20) if ready else b""
        if not data:
            raise Trouble(f"{what}: no answer from the browser\n{self.log()}")
        *messages, self.left = (self.left + data).split(b"\0")
        return [json.loads(message) for message in messages]

    def log(self):
        with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as file:
            return file.read()[-2000:]

    def open(self, path, **setting):
        """A page of a file, once it is loaded."""
        return Page(self, "file://" + os.path.abspath(path), **setting)


class Page:
    """A loaded page. `requests`: what it asked for; `complaints`: console messages, exceptions."""

    def __init__(self, browser, url, width=900, height=1000, scheme="light", media="",
                 scripts=True):
        self.browser = browser
        self.requests = []
        self.complaints = []
        self.loaded = False
        self.url = url
        self.target, self.session = browser.tabs.pop() if browser.tabs else new_tab(browser)
        browser.pages[self.session] = self
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", media=media,
                  features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.requests.clear()
        self.complaints.clear()
        self.loaded = False
        self.call("Page.navigate", url=url)
        browser.wait(lambda: self.loaded, url)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        del self.browser.pages[self.session]
        # What a page that does more than it should still has to say must not fall to the next one.
        if self.requests == [self.url] and not self.complaints:
            self.browser.tabs.append((self.target, self.session))
        else:
            self.browser.call("Target.closeTarget", targetId=self.target)

    def call(self, method, **parameters):
        return self.browser.call(method, session=self.session, **parameters)

    def note(self, method, event):
        if method == "Page.loadEventFired":
            self.loaded = True
        elif method == "Network.requestWillBeSent":
            self.requests.append(event["request"]["url"])
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(f"console: {event['args']}")
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(f"exception: {event['exceptionDetails'].get('text')}")
        elif method == "Log.entryAdded":
            self.complaints.append(f"log: {event['entry'].get('text')}")

    def evaluate(self, script):
        """The value of a JavaScript expression."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        if "exceptionDetails" in answer:
            raise Trouble(f"{answer['exceptionDetails']}")
        return answer["result"].get("value")

    def screenshot(self, path, height=None):
        """The whole page as PNG, or its upper end, as it is laid out at its width."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": height or size["height"],
                "scale": 1}
        data = self.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))

    def pdf(self, path):
        data = self.call("Page.printToPDF", printBackground=True, paperWidth=8.27,
                         paperHeight=11.69)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))


def new_tab(browser):
    """Its target and the session with it."""
    target = browser.call("Target.createTarget", url="about:blank")["targetId"]
    return target, browser.call("Target.attachToTarget", targetId=target,
                                flatten=True)["sessionId"]


def high_pipe():
    """A pipe whose descriptors are out of the way of 3 and 4."""
    ends = []
    for low in os.pipe():
        ends.append(fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, 10))
        os.close(low)
    return ends


def main():
    """browser.py PAGE OUT.png|OUT.pdf [WIDTH [light|dark|print [HEIGHT]]]: a look at a page."""
    page, out, *rest = sys.argv[1:]
    width = int(rest[0]) if rest else 900
    look = rest[1] if len(rest) > 1 else "light"
    height = int(rest[2]) if len(rest) > 2 else None
    with Browser() as browser:
        with browser.open(page, width=width, scheme="dark" if look == "dark" else "light",
                          media="print" if look == "print" else "") as shown:
            if out.endswith(".pdf"):
                shown.pdf(out)
            else:
                shown.screenshot(out, height)
            print(*shown.complaints, *shown.requests, sep="\n")


if __name__ == "__main__":
    main()
