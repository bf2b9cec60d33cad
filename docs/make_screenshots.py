"""Pictures of every screen, light and dark, into ``docs/screenshots``: ``python docs/make_screenshots.py``.

Solves the Korea example first unless ``--runs`` names a folder that already holds a run. Needs Chromium
(Debian or Ubuntu: ``apt-get install -y chromium``); with Pillow installed the files are a third of the size.
Look at what it makes: nothing clipped, nothing overlapping.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import werkzeug.serving
from playwright.sync_api import Page, expect, sync_playwright

from planner.app import create_app
from planner.app.services import Services, Settings
from planner.app.state import editing
from planner.intake.scenario_file import example_path, load_scenario
from planner.jobs import drafts
from planner.jobs.store import WITH_PLAN
from planner.report.strings import t
from planner.runs.solve import run_solve

STORE = ".planner.sqlite"
OUT = Path(__file__).resolve().parent / "screenshots"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
]  # fmt: skip
WIDTH, HEIGHT, HIGHEST = 1360, 900, 1500
SETTLE_MS = 1500
COLOURS = 256
"""Of a picture on disk: enough for text, lines and marks, and a third of the size."""
AT_FOOT = ("tradeoff-plans",)
"""Pictures of the end of a long page."""
PREPARING = t("tradeoff.preparing")
SIGNS = {
    "estimate": ".kpi", "new": "#nc-form .kpi", "whatif": ".filter-bar", "scenario-demand": "#ed-demand-chart .main-svg",
    "plan-materials": "#plan-estimated .plain-scroll",
}  # fmt: skip
"""What tells that a page which comes in parts is there."""


@contextmanager
def served(runs: Path) -> Iterator[tuple[str, Services]]:
    """The application on a free port of this machine."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app = create_app(Settings(runs_root=runs))
    server = werkzeug.serving.make_server("127.0.0.1", 0, app.server, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}", app.server.extensions["planner"]
    finally:
        server.shutdown()
        thread.join(timeout=10)


def screens(services: Services) -> dict[str, str]:
    """Name of each picture and the address it is taken at."""
    runs = services.runs(with_plan=True)
    korea = [row["id"] for row in runs if "korea" in row["id"]] or [runs[0]["id"]]
    run = "korea" if "korea" in korea else korea[0]
    followed = next((job.id for job in services.store.jobs(states=WITH_PLAN)), run)
    frontier = next((row["id"] for row in services.runs() if row["kind"] == "frontier"), run)
    draft = _draft(services)
    made = [run, *(row["id"] for row in runs if row["id"] != run)]
    plans = [f"{frontier}~{number}" for number in _plans(services, frontier)]
    others = ",".join([*made, *plans][:3])
    return {
        "home": "/",
        "new": "/new?of=GHA",
        "scenarios": "/scenarios",
        "scenario-basics": f"/scenarios/{draft.id}",
        "scenario-demand": f"/scenarios/{draft.id}?section=demand",
        "scenario-changes": f"/scenarios/{draft.id}?section=changes",
        "scenario-check": f"/scenarios/{draft.id}?section=check",
        "run": f"/runs/{followed}",
        "tradeoff": f"/tradeoff/{frontier}?delay=7&control=65&pick=1&base=0",
        "tradeoff-plans": f"/tradeoff/{frontier}?delay=7&control=65&pick=1&base=0",
        "plan": f"/plan/{run}",
        **{
            f"plan-{tab}": f"/plan/{run}?tab={tab}"
            for tab in ("timeline", "sites", "control", "materials", "gaps")
        },
        "capital": f"/capital/{run}",
        "whatif": f"/whatif/{run}",
        "compare": f"/compare?runs={others}&base={run}",
        "data": "/data",
        "estimate": "/estimate",
    }


def _plans(services: Services, frontier: str) -> list[int]:
    """Numbers of the plans of a frontier, but the first: the cheapest is the plan itself."""
    points = services.run_path(frontier) / "points"
    return sorted(int(path.name.removeprefix("point-")) for path in points.glob("point-*"))[1:]


def _draft(services: Services) -> drafts.Draft:
    """A copy of the Korea example with two changes, so that the differences show something."""
    text = example_path("korea").read_text("utf-8")
    changed = editing.apply(text, {"demand[government].priority": 3, "limits.min_control": 60})
    title = load_scenario(example_path("korea")).title
    return drafts.create(services.store, "korea", changed, "local", title, "korea", text)


def take(page: Page, base: str, name: str, path: str, scheme: str) -> None:
    """One picture of a page from its top or foot, after its charts and background work have come to rest."""
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    page.goto(base + path)
    page.wait_for_selector(".page h1")
    expect(page.locator(".mantine-Loader-root")).to_have_count(0, timeout=120_000)
    expect(page.get_by_text(PREPARING)).to_have_count(0, timeout=120_000)
    if name in SIGNS:
        page.locator(SIGNS[name]).first.wait_for(timeout=120_000)
    # grids and charts draw what is in view only: the window is made as high as the page
    if name == "tradeoff":  # ends below the picked plan
        page.locator("#tradeoff-prices .kpi").first.wait_for(timeout=120_000)
        box = page.locator(".tradeoff-top").bounding_box()
        height = round(box["y"] + box["height"] + 24) if box else HIGHEST
    else:
        height = min(page.evaluate("document.documentElement.scrollHeight"), HIGHEST)
    page.set_viewport_size({"width": WIDTH, "height": max(height, HEIGHT)})
    if name in AT_FOOT:
        page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
    page.wait_for_timeout(SETTLE_MS)
    path = OUT / f"{name}-{scheme}.png"
    page.screenshot(path=str(path))
    lighten(path)


def lighten(path: Path) -> None:
    """Writes the picture again with few colours, where Pillow is there to do it."""
    with contextlib.suppress(ImportError):
        from PIL import Image

        with Image.open(path) as picture:
            few = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        few.save(path, optimize=True)


def copy_of(source: Path, runs: Path) -> None:
    """A copy to take pictures of: they need a scenario under edit, the reader's list of them does not."""
    shutil.copytree(source, runs, ignore=shutil.ignore_patterns(".*"))
    if (source / STORE).is_file():
        with (
            contextlib.closing(sqlite3.connect(source / STORE)) as old,
            contextlib.closing(sqlite3.connect(runs / STORE)) as new,
        ):
            old.backup(new)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--runs", type=Path, help="folder with runs; default: solve the Korea example into a new one"
    )
    parser.add_argument("--only", nargs="*", help="names of the screens to take")
    arguments = parser.parse_args()
    runs = Path(tempfile.mkdtemp()) / "runs"
    if arguments.runs is not None:
        copy_of(arguments.runs, runs)
    else:
        runs.mkdir()
        run_solve(load_scenario(example_path("korea")), {"quality": "plan"}, runs / "korea")
        run_solve(
            load_scenario(example_path("korea")),
            {"quality": "quick", "objective": "control"},
            runs / "korea-control",
        )
    OUT.mkdir(exist_ok=True)
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("No Chromium; on Debian or Ubuntu: apt-get install -y chromium")
    with served(runs) as (base, services), sync_playwright() as playwright:
        browser: Any = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        wanted = {k: v for k, v in screens(services).items() if not arguments.only or k in arguments.only}
        for scheme in ("light", "dark"):
            context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT})
            context.add_cookies([{"name": "scheme", "value": scheme, "url": base}])
            page = context.new_page()
            for name, path in wanted.items():
                take(page, base, name, path, scheme)
            context.close()
        browser.close()
    print(f"{len(wanted)} screens in {OUT}")


if __name__ == "__main__":
    main()
