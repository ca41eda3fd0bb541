"""A headless Chromium, driven over a pipe with the DevTools protocol: JSON messages that end with a zero byte."""

import base64
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-default-apps", "--disable-sync",
    "--disable-extensions", "--hide-scrollbars", "--force-color-profile=srgb", "--remote-debugging-pipe",
)  # fmt: skip
SECONDS = 150
"""Time for one answer of the browser, or for a condition to become true."""


def program() -> str | None:
    """The path of an installed Chromium; None if there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def running_browser(profile: Path) -> Iterator["Browser"]:
    """A browser with a new profile in that folder, closed when the block ends."""
    (to_read, their_write), (their_read, to_write) = os.pipe(), os.pipe()
    # the protocol fixes the descriptors: the browser reads from 3 and writes to 4
    redirected = f'exec "$@" 3<&{their_read} 4>&{their_write}'
    command = ["bash", "-c", redirected, "bash", str(program()), *FLAGS, f"--user-data-dir={profile}", "about:blank"]
    process = subprocess.Popen(
        command, pass_fds=(their_read, their_write), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    os.close(their_read)
    os.close(their_write)
    try:
        yield Browser(to_read, to_write)
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()
        process.wait()
        os.close(to_read)
        os.close(to_write)


class Browser:
    """The connection to a browser, shared by its pages."""

    def __init__(self, to_read: int, to_write: int) -> None:
        self._to_read, self._to_write = to_read, to_write
        self._rest = b""
        self._count = 0
        self.events: list[dict[str, Any]] = []
        """What pages reported, oldest first."""

    def call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """The result of a method of the protocol; RuntimeError if it fails, TimeoutError after SECONDS."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._to_write, data) :]
        deadline = time.monotonic() + SECONDS
        while True:
            found = self._message(deadline)
            if found.get("id") == self._count:
                if "error" in found:
                    raise RuntimeError(f"{method}: {found['error']['message']}")
                return dict(found["result"])
            self.events.append(found)

    def _message(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._to_read], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError(f"the browser did not answer within {SECONDS} s")
            received = os.read(self._to_read, 1 << 20)
            if not received:
                raise RuntimeError("the browser ended")
            self._rest += received
        message, self._rest = self._rest.split(b"\0", 1)
        return dict(json.loads(message))

    def page(self, width: int = 1440, height: int = 900) -> "Page":
        """A new empty page of that size, in pixels."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, target, session)
        for domain in ("Page", "Runtime", "Network", "Log"):
            page.call(f"{domain}.enable")
        page.resize(width, height)
        return page


class Page:
    """One page of a browser."""

    def __init__(self, browser: Browser, target: str, session: str) -> None:
        self.browser, self._target, self.session = browser, target, session

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The result of a method of the protocol for this page."""
        return self.browser.call(method, self.session, **parameters)

    def resize(self, width: int, height: int) -> None:
        """Give the page another size, in pixels."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def open(self, url: str, until: str = "document.readyState === 'complete'") -> None:
        """Load an address and wait for an expression to become true in it."""
        self.call("Page.navigate", url=url)
        self.wait(f"location.href === {json.dumps(url)} && ({until})")

    def evaluate(self, expression: str) -> Any:
        """The JSON value of an expression of JavaScript; promises are awaited. RuntimeError if it throws."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise RuntimeError(f"{expression}: {found['exceptionDetails']}")
        return found["result"].get("value")

    def wait(self, condition: str) -> None:
        """Wait until an expression is true; TimeoutError after SECONDS."""
        _until(lambda: self.evaluate(condition), condition)

    def press(self, key: str, text: str = "") -> None:
        """Press a key, such as "Tab" or "ArrowRight"."""
        arrows = {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}
        code = ({"Tab": 9, "Enter": 13, "Escape": 27, " ": 32} | arrows)[key]
        details: dict[str, Any] = {"key": key, "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **details)
        self.call("Input.dispatchKeyEvent", type="keyUp", **details)

    def screenshot(self, path: Path) -> None:
        """Write a PNG of the whole page."""
        found = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(found["data"]))

    def requests(self) -> list[str]:
        """The addresses that the page requested."""
        events = self._events("Network.requestWillBeSent")
        return [event["request"]["url"] for event in events]

    def errors(self) -> list[str]:
        """What the console shows as errors and warnings, and exceptions that nothing caught."""
        thrown = [str(event["exceptionDetails"]) for event in self._events("Runtime.exceptionThrown")]
        logged = [event["entry"] for event in self._events("Log.entryAdded")]
        console = self._events("Runtime.consoleAPICalled")
        return [
            *thrown,
            *(str(entry["text"]) for entry in logged if entry["level"] in ("error", "warning")),
            *(str(event["args"]) for event in console if event["type"] in ("error", "warning", "assert")),
        ]

    def close(self) -> None:
        """Close the page."""
        self.browser.call("Target.closeTarget", targetId=self._target)

    def _events(self, method: str) -> list[dict[str, Any]]:
        self.evaluate("1")  # reports that are on their way come before the answer
        events = self.browser.events
        return [
            each["params"] for each in events if each["method"] == method and each.get("sessionId") == self.session
        ]


def _until(condition: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not true within {SECONDS} s: {what}")
        time.sleep(0.02)
