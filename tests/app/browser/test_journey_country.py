"""Journey 6: a country that no example has, from nothing to a plan, a trade-off and a brief, by the app alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.untraced

WAIT_MS = 60_000
PLAN_MS = 600_000


@pytest.mark.slow
def test_country(open_page: Callable[..., Page], accessible: Callable[[Page], None], site: Any) -> None:
    page = open_page("/")
    page.get_by_role("link", name=re.compile("A new country")).click()
    page.get_by_role("textbox", name="Country").fill("Ghana")
    page.get_by_role("option", name=re.compile("Ghana")).click()
    expect(page.locator("#nc-form .kpi").first).to_be_visible(timeout=WAIT_MS)
    for served in ("Citizens", "Industry", "Software"):  # fewer workloads and hosts: plans in half the time
        page.get_by_role("textbox", name=served).fill("0")
        page.keyboard.press("Tab")
    page.get_by_role("textbox", name="Own places").fill("lake, 7.3, -0.7")
    page.keyboard.press("Tab")
    expect(page.locator("#nc-form")).to_contain_text("Built at campus", timeout=WAIT_MS)
    expect(page.get_by_role("textbox", name="Industry")).to_have_value("0 people")  # kept in the new form
    page.get_by_role("textbox", name="Own places").fill("")
    page.keyboard.press("Tab")
    expect(page.locator("#nc-form")).not_to_contain_text("Built at campus", timeout=WAIT_MS)
    for left_out in ("Cloud at", "joint venture"):
        page.get_by_role("checkbox", name=re.compile(left_out)).uncheck()
    accessible(page)
    page.get_by_role("button", name="Make a first plan").click()
    expect(page).to_have_url(re.compile("/runs/gha-plan"), timeout=WAIT_MS)
    expect(page.get_by_text("The plan in brief")).to_be_visible(timeout=PLAN_MS)
    accessible(page)

    # the plan answers first; its brief is a page of its own
    page.locator("#run-result").get_by_role("link", name="Plan").click()
    expect(page.locator(".answer-lead")).to_contain_text("Builds at", timeout=WAIT_MS)
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Brief").click()
    brief = opened.value
    expect(brief.locator("body")).to_contain_text("present value")
    accessible(brief)
    brief.close()

    # plans along the front
    page.get_by_role("link", name="Trade-off").last.click()
    page.get_by_role("textbox", name="Plans along the front").click()
    page.get_by_role("option", name="3 plans").click()
    page.get_by_role("button", name="Make plans along the front").click()
    expect(page).to_have_url(re.compile("/runs/gha-plan"), timeout=WAIT_MS)
    expect(page.get_by_text("The trade-off is made")).to_be_visible(timeout=2 * PLAN_MS)
    page.get_by_role("link", name="Trade-off").last.click()
    expect(page.locator("#tradeoff-scatter .main-svg").first).to_be_visible(timeout=WAIT_MS)
    expect(page.get_by_text(re.compile("Solved in"))).to_be_visible(timeout=WAIT_MS)
    accessible(page)
