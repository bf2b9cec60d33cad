"""How long a page takes where many look at once: ``python benchmarks/viewers.py --viewers 100 --json``.

Starts ``planner app`` on a free port of this machine, on a folder of its own with a plan, a frontier and copies of the
plan, and lets so many viewers each open a random page of a random finished run every ten seconds. A page is
everything a browser asks for when its scripts are cached already: the page, its layout, its callbacks, its content.
It speaks to no other machine; viewers, time and requests are bounded.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from planner.intake.scenario_file import example_path, load_scenario
from planner.runs.frontier import run_frontier
from planner.runs.solve import run_solve

PLANS = 20
PAGES = (
    *(
        ("/plan/{run}", f"?tab={tab}")
        for tab in ("overview", "timeline", "sites", "control", "materials", "gaps")
    ),
    *(("/capital/{run}", f"?by={by}") for by in ("account", "payer")),
    ("/runs/{run}", ""),
    ("/compare", "?runs=plan-0,{run}"),
    ("/tradeoff/frontier", ""),
)
LIMITS_S = {20: 1.0, 100: 2.0}
MOST_VIEWERS, MOST_SECONDS = 200, 600
TIMEOUT_S = 60


def make_runs(root: Path) -> None:
    """A plan and a frontier of the small example, and copies of the plan under other names."""
    small = load_scenario(example_path("two-hosts"))
    run_solve(small, {"quality": "quick"}, root / "plan-0")
    run_frontier(small, {"points": 3, "quality": "quick", "workers": 1}, root / "frontier")
    for i in range(1, PLANS):
        shutil.copytree(root / "plan-0", root / f"plan-{i}")


class Viewer:
    """One browser: a connection, its cookies, the time each page took."""

    def __init__(self, number: int, port: int, pause_s: float, until: float):
        self.random = random.Random(number)
        self.port, self.pause_s, self.until = port, pause_s, until
        self.seconds: list[float] = []
        self.errors: list[str] = []
        self.token = ""
        self.cookies: dict[str, str] = {}

    def look(self) -> None:
        time.sleep(self.random.uniform(0, self.pause_s))
        while time.monotonic() < self.until:
            began = time.monotonic()
            try:
                self.open_page()
                self.seconds.append(time.monotonic() - began)
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.errors.append(repr(error)[:200])
            time.sleep(max(0.0, self.pause_s - (time.monotonic() - began)))

    def open_page(self) -> None:
        path, query = self.random.choice(PAGES)
        run = f"plan-{self.random.randrange(PLANS)}"
        path, query = path.format(run=run), query.format(run=run)
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        try:
            self.ask("GET", path + query)
            self.ask("GET", "/_dash-layout")
            self.ask("GET", "/_dash-dependencies")
            content = self.ask("POST", "/_dash-update-component", json.dumps(content_of(path, query)))
        finally:
            self.connection.close()
        if b"This went wrong" in content or b"There is no such page" in content:
            raise ValueError(f"no content at {path}{query}")

    def ask(self, method: str, path: str, body: str | None = None) -> bytes:
        headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
        if body is not None:
            headers |= {"Content-Type": "application/json", "X-CSRFToken": self.cookies["_csrf_token"]}
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise ValueError(f"{answer.status} at {path}")
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return content


def content_of(path: str, query: str) -> dict[str, Any]:
    """What Dash's own script sends to get the content of a page."""
    places = [{"id": "_pages_content", "property": "children"}, {"id": "_pages_store", "property": "data"}]
    return {
        "output": ".._pages_content.children..._pages_store.data..",
        "outputs": places,
        "inputs": [
            {"id": "_pages_location", "property": "pathname", "value": path},
            {"id": "_pages_location", "property": "search", "value": query},
        ],
        "changedPropIds": ["_pages_location.pathname"],
        "state": [],
    }


def serve(root: Path) -> tuple[subprocess.Popen[str], int]:
    """The application as a process of its own on a free port of this machine."""
    command = [sys.executable, "-m", "planner", "app", "--runs", str(root), "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    address = server.stdout.readline().split()[4]
    port = urlsplit(address).port
    assert port is not None, address
    return server, port


def measure(root: Path, viewers: int, seconds: float, pause_s: float) -> dict[str, Any]:
    """Seconds a page, errors, processor time of the server a page."""
    server, port = serve(root)
    try:
        process = psutil.Process(server.pid)
        until = time.monotonic() + seconds
        everyone = [Viewer(n, port, pause_s, until) for n in range(viewers)]
        threads = [threading.Thread(target=viewer.look) for viewer in everyone]
        before = process.cpu_times()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        after = process.cpu_times()
    finally:
        server.terminate()
        server.wait(30)
    took = sorted(s for viewer in everyone for s in viewer.seconds)
    errors = [error for viewer in everyone for error in viewer.errors]
    used = after.user + after.system - before.user - before.system
    return {
        "viewers": viewers,
        "seconds": seconds,
        "pages": len(took),
        "median_s": round(statistics.median(took), 3),
        "p95_s": round(took[int(0.95 * (len(took) - 1))], 3),
        "slowest_s": round(took[-1], 3),
        "processor_s_a_page": round(used / len(took), 4),
        "errors": len(errors),
        "first_errors": errors[:3],
        "limit_p95_s": LIMITS_S.get(viewers),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object (the default)")
    parser.add_argument("--viewers", type=int, nargs="*", default=[20, 100])
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--pause", type=float, default=10.0, help="seconds from one page to the next")
    arguments = parser.parse_args()
    if max(arguments.viewers) > MOST_VIEWERS or arguments.seconds > MOST_SECONDS or arguments.pause < 1:
        parser.error(f"at most {MOST_VIEWERS} viewers for {MOST_SECONDS} s, a page a second each")
    with tempfile.TemporaryDirectory() as folder:
        make_runs(Path(folder))
        found = [measure(Path(folder), n, arguments.seconds, arguments.pause) for n in arguments.viewers]
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
