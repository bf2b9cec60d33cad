"""A served application, a browser, and guards: no request leaves the machine, no console error, no WCAG fault.

Few, long journeys: every page that draws a chart costs seconds. They use the system's Chromium.
"""

import logging
import os
import re
import shutil
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import werkzeug.serving
from _pytest.runner import runtestprotocol
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from planner.app import create_app
from planner.app.services import Services, Settings
from planner.jobs.supervisor import Supervisor

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
]  # fmt: skip
CURE = "No Chromium for the browser tests; on Debian or Ubuntu: apt-get install -y chromium"
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
AWAY = re.compile("ERR_CONNECTION|ERR_SOCKET_NOT_CONNECTED|Failed to fetch|did not respond")
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)
logging.getLogger("werkzeug").setLevel(logging.ERROR)


class Site:
    """An application with its queue, served on a port of its own; ``restart`` is a new process in all but name."""

    def __init__(self, runs: Path):
        self.runs = runs
        self.restarted = False
        self.start()

    def start(self, port: int = 0) -> None:
        app = create_app(Settings(runs_root=self.runs))
        self.services: Services = app.server.extensions["planner"]
        self._server = werkzeug.serving.make_server("127.0.0.1", port, app.server, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self._supervisor = Supervisor(self.services.store, running_limit=1)
        self._supervisor.start()

    def stop(self) -> None:
        self._supervisor.close()
        self._server.shutdown()
        self._thread.join(timeout=10)
        self._server.server_close()

    def restart(self) -> None:
        port = self._server.port
        self.restarted = True
        self.stop()
        self.start(port)


@pytest.fixture
def site(tmp_path: Path, small_run: Path) -> Iterator[Site]:
    """A fresh server that already holds the run ``small``."""
    runs = tmp_path / "runs"
    shutil.copytree(small_run, runs / "small")
    served = Site(runs)
    yield served
    for job in served.services.store.jobs(states=["queued", "running"]):
        served.services.store.want_cancel(job.id)
    served.stop()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    path = os.environ.get("PLANNER_CHROMIUM") or next(
        (found for name in names if (found := shutil.which(name))), None
    )
    if path is None:
        pytest.fail(CURE, pytrace=False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser, site: Site) -> Iterator[Callable[..., Page]]:
    """Opens a page at a path of the site, in a context of its own; every page is guarded to the end of the test."""
    faults: list[str] = []
    contexts: list[Any] = []

    def open_(path: str = "/", scheme: str | None = "light", **options: Any) -> Page:
        context = chromium.new_context(
            accept_downloads=True, **({"viewport": {"width": 1360, "height": 900}} | options)
        )
        if scheme is not None:
            context.add_cookies([{"name": "scheme", "value": scheme, "url": site.url}])
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("request", lambda request: _stays(request.url, site.url, faults))
        page.on("console", lambda message: _quiet(message, site, faults))
        page.on("pageerror", lambda error: faults.append(f"page error: {error.stack or error}"))
        page.goto(site.url + path)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert not faults, "\n".join(faults)


@pytest.fixture
def accessible() -> Callable[[Page], None]:
    """Fails on any WCAG 2.2 A or AA fault that axe-core finds on a page as it stands."""

    def check(page: Page) -> None:
        found = Axe().run(page, options={"runOnly": {"type": "tag", "values": WCAG}}).response["violations"]
        lines = [
            f"{v['id']}: {node['target']} {node['failureSummary']}" for v in found for node in v["nodes"][:3]
        ]
        assert not lines, f"{page.url}\n" + "\n".join(lines)

    return check


def _stays(url: str, base: str, faults: list[str]) -> None:
    if not url.startswith((base, "data:", "blob:")):
        faults.append(f"left the machine: {url}")


def _quiet(message: Any, site: Site, faults: list[str]) -> None:
    """Notes console errors; of a server that a test has restarted the browser may say that it was away."""
    if message.type == "error" and not (site.restarted and AWAY.search(message.text)):
        faults.append(f"console: {message.text}")


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """A journey that fails is walked once more: on a loaded machine a browser misses a beat. A fault fails twice."""
    if Path(__file__).parent not in item.path.parents:
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = runtestprotocol(item, nextitem=nextitem, log=False)
    if any(report.failed for report in reports):
        first = next(report for report in reports if report.failed)
        warnings.warn(
            f"{item.nodeid} failed once and was tried again: {first.longreprtext[-400:]}", stacklevel=1
        )
        item._initrequest()  # type: ignore[attr-defined]
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True
