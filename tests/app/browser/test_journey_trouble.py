"""Journey 4: what is infeasible explains itself, what dies is seen to have died, what is restarted goes on."""

import os
import re
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from planner.intake.scenario_file import example_path
from planner.jobs import access_log
from planner.jobs.store import Job

pytestmark = pytest.mark.untraced

WAIT_MS = 60_000


def ask(site: Any, name: str, tag: str) -> Job:
    text = example_path(name).read_text("utf-8")
    services = site.services
    job, _ = services.store.submit(
        name, text, owner="local", runs_root=services.runs_root, hash=tag, options={"quality": "quick"}
    )
    return job


def working(site: Any, job: Job) -> Job:
    """The job once its worker has said something."""
    deadline = time.time() + 60
    while time.time() < deadline:
        found = site.services.store.job(job.id)
        if found.pid is not None and len(site.services.store.events(job.id)) > 2:
            return found
        time.sleep(0.1)
    raise AssertionError("the worker never spoke")


def test_a_page_in_parts(chromium: Browser, site: Any) -> None:
    # a script that does not arrive is said: before Dash is there, before its page is, before a chart of it
    page = chromium.new_page()
    for part in ("react@", "dash_mantine", "/async-"):
        page.route(re.compile(part), lambda route: route.abort("connectionrefused"))
        page.goto(f"{site.url}/plan/small")
        expect(page.get_by_text("A part of this page did not arrive")).to_be_visible()
        page.unroute_all()
        page.get_by_role("button", name="Reload").click()
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.locator("#away")).to_be_hidden()
    page.close()


def test_trouble(open_page: Callable[..., Page], accessible: Callable[[Page], None], site: Any) -> None:
    # an infeasible scenario explains itself and applies the cure
    page = open_page("/scenarios")
    page.get_by_role("button", name=re.compile("Copy this example: One workload")).click()
    page.get_by_role("link", name="Limits", exact=True).click()
    page.get_by_label("Control at least").fill("99")
    page.keyboard.press("Tab")
    expect(page.locator('[data-revision="1"]')).to_be_visible()
    page.get_by_role("link", name="Check and run").click()
    expect(page.get_by_role("alert").get_by_text("No plan can meet this as it stands")).to_be_visible(
        timeout=WAIT_MS
    )
    accessible(page)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_text("Infeasible", exact=True)).to_be_visible(timeout=WAIT_MS)
    page.get_by_role("button", name=re.compile("^Apply to a copy and run: Control asked for at most")).click()
    expect(page.get_by_text("The plan in brief")).to_be_visible(timeout=WAIT_MS)
    expect(page.get_by_role("heading", name=re.compile("changed so that a plan exists"))).to_be_visible()

    # a run is cancelled, another waits for its place
    first, second = ask(site, "korea", "first"), ask(site, "korea", "second")
    working(site, first)
    page.goto(f"{site.url}/runs/{second.id}")
    expect(page.get_by_text("Place 1 in the queue")).to_be_visible()
    page.goto(f"{site.url}/runs/{first.id}")
    expect(page.get_by_text("Running", exact=True)).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("nothing was kept")).to_be_visible(timeout=WAIT_MS)
    assert not [p for p in site.runs.iterdir() if first.id in p.name]

    # the server is restarted while the second runs: the page goes on, the run too
    page.goto(f"{site.url}/runs/{second.id}")
    before = working(site, second)
    site.restart()
    page.reload()
    expect(page.get_by_text("Running", exact=True)).to_be_visible()
    with page.expect_response(lambda answer: "n_intervals" in (answer.request.post_data or "")):
        pass  # a clock ticks once the last part of a page is there
    found = site.services.store.job(second.id)
    assert found is not None and found.pid == before.pid

    # the server goes away while something is changed: the page says what is not saved, and when it is back
    site.stop()
    expect(page.get_by_text("What this page shows may be out of date")).to_be_visible(timeout=WAIT_MS)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Your last change is not saved")).to_be_visible(timeout=WAIT_MS)
    accessible(page)
    site.start(int(site.url.rpartition(":")[2]))
    expect(page.get_by_text("Your last change was not saved")).to_be_visible(timeout=WAIT_MS)
    page.get_by_role("button", name="Reload").click()
    expect(page.get_by_text("Running", exact=True)).to_be_visible(timeout=WAIT_MS)
    expect(page.get_by_role("alert").filter(has_text="server")).to_have_count(0)

    # its process is killed: the page says so and offers to run it again
    os.kill(before.pid, signal.SIGKILL)
    expect(page.get_by_text("Lost", exact=True)).to_be_visible(timeout=WAIT_MS)
    accessible(page)
    page.get_by_role("button", name="Run again").click()
    expect(page).not_to_have_url(re.compile(second.id))
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("nothing was kept")).to_be_visible(timeout=WAIT_MS)

    # all of it is true on the start page, and a broken file is refused with its place
    page.goto(site.url)
    rows = page.get_by_role("table").locator("tbody tr")
    expect(rows.filter(has_text=first.id)).to_contain_text("Cancelled")
    expect(rows.filter(has_text=second.id)).to_contain_text("Lost")
    page.get_by_role("link", name="Scenarios", exact=True).click()
    upload = page.locator("input[type=file]")
    upload.set_input_files({"name": "bad.yaml", "mimeType": "text/yaml", "buffer": b"a: [1\nb: 2"})
    expect(page.get_by_text("The file was not imported")).to_be_visible()
    assert any(row["action"] == "refused" for row in access_log.trail(site.services.store))
