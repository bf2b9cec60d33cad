"""Journey 5: a phone. Every page of a plan fits the width of the screen, charts that need more are scrolled alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.untraced

WAIT_MS = 60_000
WIDTH = 390
PAGES = {
    "/": ".step-link",
    "/new?of=GHA": "#nc-form .kpi",
    "/scenarios": ".example",
    "/runs/small": ".kpi",
    "/plan/small": "#plan-capacity .main-svg",
    "/plan/small?tab=timeline": "#plan-gantt .main-svg",
    "/tradeoff/small": "#tradeoff-parallel .main-svg",
    "/capital/small": "#capital-flows .main-svg",
    "/whatif/small": ".filter-bar",
    "/compare?runs=small": "h1",
    "/estimate?of=two-hosts": ".kpi",
    "/data": ".ag-root",
}
"""Path of a page, and what tells that it stands."""
CUT = """[...document.querySelectorAll("#plan-gantt .annotation-text")].filter(name =>
  name.getBoundingClientRect().right > document.querySelector("#plan-gantt .main-svg").getBoundingClientRect().right)"""
"""Names of the timeline that its chart cuts."""
WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.mark.slow
def test_phone(open_page: Callable[..., Page], accessible: Callable[[Page], None], site: Any) -> None:
    page = open_page("/", viewport={"width": WIDTH, "height": 844})
    for path, sign in PAGES.items():
        page.goto(site.url + path)
        expect(page.locator(sign).first).to_be_visible(timeout=WAIT_MS)
        page.wait_for_timeout(500)
        assert page.evaluate(WIDE) <= 0, path
        assert page.evaluate(f"{CUT}.length") == 0, "a name in the timeline is cut"
        accessible(page)
    # the navigation folds away and comes back
    page.goto(site.url)
    expect(page.get_by_role("link", name="Compare")).not_to_be_in_viewport()
    page.get_by_role("button", name="Navigation").click()
    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Compare")
