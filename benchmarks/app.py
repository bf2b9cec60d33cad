"""How quick the application is in Chromium: pages until usable, sliders until redrawn, many viewers at once.

    python benchmarks/app.py --json --runs runs

Prints one object: seconds until Home and the trade-off page are usable (a new browser context each time, so
nothing is cached), seconds from a slider's step to the redrawn result (and how many of them are the solve) and
from brushing to its echo, each the median of seven, seconds of the brief and of the first plan of a new country by
its form, and the answers of twenty simultaneous viewers (median, slowest, errors). ``--runs`` names a folder that
holds a run or a frontier of the scenario to look at; without it a frontier of the Korea example is made first.
"""

import argparse
import json
import logging
import re
import shutil
import statistics
import tempfile
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import waitress
from playwright.sync_api import Browser, Page, sync_playwright

from planner.app import create_app
from planner.app.services import Services, Settings
from planner.facts.numbers import APART
from planner.intake.scenario_file import example_path, load_scenario
from planner.jobs.supervisor import Supervisor
from planner.runs.frontier import run_frontier

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
REPEATS = 5
STEPS = 7
PAUSE_MS = 400
VIEWERS = 20
SHOWN = """() => [document.querySelector('#tradeoff-answer').innerText,
  String(document.querySelector('#tradeoff-scatter .js-plotly-plot').data.find(t => t.meta === 'here').y)]"""
DIMMED = (
    """() => String(document.querySelector('#tradeoff-parallel .js-plotly-plot').data.map(t => t.opacity))"""
)


def usable_seconds(browser: Browser, url: str, sign: str) -> float:
    """From the click to the element that says the page can be used, with empty caches."""
    context = browser.new_context(viewport={"width": 1360, "height": 900})
    page = context.new_page()
    began = time.perf_counter()
    page.goto(url, wait_until="commit")
    page.wait_for_selector(sign, timeout=60_000)
    seconds = time.perf_counter() - began
    context.close()
    return seconds


def slider_seconds(page: Page) -> tuple[list[float], list[float]]:
    """From a key on the slider to the changed figures beside it and the moved mark in the chart; and of which solve."""
    moved, solved = [], []
    slider = page.get_by_role("slider").first
    slider.focus()
    for _ in range(STEPS):
        before = page.evaluate(f"({SHOWN})()")
        began = time.perf_counter()
        page.keyboard.press("ArrowLeft")
        page.wait_for_function(
            f"before => {{ const now = ({SHOWN})(); return now[0] !== before[0] && now[1] !== before[1]; }}",
            arg=before,
            timeout=30_000,
        )
        moved.append(time.perf_counter() - began)
        told = re.search(r"[\d.]+", page.locator("#tradeoff-message").inner_text().replace(APART, ""))
        solved.append(float(told.group()) / 1000 if told else float("nan"))
        page.wait_for_timeout(PAUSE_MS)
    return moved, solved


def brush_seconds(page: Page) -> list[float]:
    """From letting go of a brush in the scatter to the dimmed lines of the other chart; parts of it by turns."""
    page.locator("#tradeoff-scatter").scroll_into_view_if_needed()
    area = page.locator("#tradeoff-scatter .nsewdrag").first.bounding_box()
    assert area is not None
    out = []
    for turn in range(STEPS):
        top, foot = ((0.0, 0.5), (0.5, 1.0))[turn % 2]
        before = page.evaluate(f"({DIMMED})()")
        page.mouse.move(area["x"] + 4, area["y"] + area["height"] * top + 4)
        page.mouse.down()
        page.mouse.move(area["x"] + area["width"] - 4, area["y"] + area["height"] * foot - 4, steps=4)
        began = time.perf_counter()
        page.mouse.up()
        page.wait_for_function(f"before => ({DIMMED})() !== before", arg=before, timeout=30_000)
        out.append(time.perf_counter() - began)
        page.wait_for_timeout(PAUSE_MS)
    return out


def brief_seconds(base: str, ref: str) -> float:
    """Of the first request for the brief of a plan: later ones are answered from memory."""
    began = time.perf_counter()
    with urllib.request.urlopen(f"{base}/brief/{ref}", timeout=120) as answer:
        answer.read()
    return time.perf_counter() - began


def first_plan_seconds(browser: Browser, base: str) -> tuple[float, float]:
    """A country that no example has: from choosing it to its estimate, and from asking to the plan on the page."""
    page = browser.new_page()
    page.goto(f"{base}/new")
    page.get_by_role("textbox", name="Country").fill("Ghana")
    began = time.perf_counter()
    page.get_by_role("option", name=re.compile("Ghana")).click()
    page.wait_for_selector("#nc-form .kpi", timeout=120_000)
    estimated = time.perf_counter() - began
    began = time.perf_counter()
    page.get_by_role("button", name="Make a first plan").click()
    page.wait_for_selector("text=The plan in brief", timeout=900_000)
    seconds = time.perf_counter() - began
    page.close()
    return estimated, seconds


def many_viewers(base: str) -> dict[str, float]:
    """Twenty at once, each reading the page and its layout."""

    def look(_n: int) -> tuple[float, int]:
        began, errors = time.perf_counter(), 0
        for path in ("/", "/_dash-layout", "/_dash-dependencies"):
            try:
                with urllib.request.urlopen(base + path, timeout=30) as answer:
                    answer.read()
            except OSError:
                errors += 1
        return time.perf_counter() - began, errors

    with ThreadPoolExecutor(VIEWERS) as pool:
        answers = list(pool.map(look, range(VIEWERS)))
    seconds = [seconds for seconds, _ in answers]
    return {
        "viewers": VIEWERS,
        "median_s": round(statistics.median(seconds), 3),
        "slowest_s": round(max(seconds), 3),
        "errors": sum(errors for _, errors in answers),
    }


def measure(base: str, services: Services, chromium: str) -> dict[str, Any]:
    """All figures, against a server that answers at ``base``."""
    runs = services.runs()
    target = next((r["id"] for r in runs if r["kind"] == "frontier"), None) or runs[0]["id"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        home = [usable_seconds(browser, base + "/", ".page .step-link") for _ in range(REPEATS)]
        tradeoff = [
            usable_seconds(browser, f"{base}/tradeoff/{target}", "#tradeoff-scatter .main-svg")
            for _ in range(3)
        ]
        page = browser.new_page()
        page.goto(f"{base}/tradeoff/{target}")
        page.wait_for_selector("#tradeoff-scatter .main-svg", timeout=60_000)
        page.locator("#tradeoff-prices .kpi").first.wait_for(timeout=60_000)
        moved, solved = slider_seconds(page)
        page.wait_for_timeout(2000)
        brushed = brush_seconds(page)
        brief = brief_seconds(base, services.latest_plan() or target)
        estimated, planned = first_plan_seconds(browser, base)
        browser.close()
    return {
        "home_usable_s": round(statistics.median(home), 3),
        "tradeoff_usable_s": round(statistics.median(tradeoff), 3),
        "slider_to_result_s": round(statistics.median(moved), 3),
        "of_which_solve_s": round(statistics.median(solved), 3),
        "brush_to_echo_s": round(statistics.median(brushed), 3),
        "brief_s": round(brief, 3),
        "new_country_estimate_s": round(estimated, 3),
        "new_country_first_plan_s": round(planned, 3),
        "viewers": many_viewers(base),
        "limits": {
            "home_usable_s": 1.5,
            "tradeoff_usable_s": 2.5,
            "slider_to_result_s": 0.2,
            "brush_to_echo_s": 0.2,
            "brief_s": 3.0,
            "new_country_first_plan_s": 60.0,
            "viewers_median_s": 1.0,
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object (the default)")
    parser.add_argument("--runs", type=Path)
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("No Chromium; on Debian or Ubuntu: apt-get install -y chromium")
    runs = arguments.runs or Path(tempfile.mkdtemp()) / "runs"
    if arguments.runs is None:
        runs.mkdir()
        run_frontier(load_scenario(example_path("korea")), {"points": 3, "quality": "quick"}, runs / "korea")
    app = create_app(Settings(runs_root=runs))
    services: Services = app.server.extensions["planner"]
    supervisor = Supervisor(services.store, running_limit=1)
    supervisor.start()
    listener: Any = waitress.create_server(app.server, host="127.0.0.1", port=0, threads=8)
    threading.Thread(target=listener.run, daemon=True).start()
    base = f"http://127.0.0.1:{listener.effective_port}"
    print(json.dumps(measure(base, services, chromium), indent=2))
    supervisor.close()


if __name__ == "__main__":
    main()
