"""Journey 7: a supplier is lost: asked of a plan, worked out in the queue, read on the page of the run."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.untraced

WAIT_MS = 60_000


@pytest.mark.slow
def test_loss(
    open_page: Callable[..., Page], accessible: Callable[[Page], None], site: Any, tmp_path: Path
) -> None:
    page = open_page("/plan/small?tab=control")
    page.get_by_role("link", name=re.compile("What surviving a loss would cost")).click()
    expect(page.get_by_role("heading", name="Why not sooner?")).to_be_visible(timeout=WAIT_MS)
    accessible(page)

    # answers at once
    page.get_by_role("textbox", name="Host", exact=True).click()
    page.get_by_role("option", name="champion", exact=True).click()
    page.get_by_role("button", name="Tell me").first.click()
    expect(page.get_by_text(re.compile("cheaper to enter the plan"))).to_be_visible(timeout=WAIT_MS)

    # nothing named is no question; a loss is a run with tables
    page.get_by_role("button", name="Work it out").first.click()
    expect(page.get_by_text("Say what is lost.")).to_be_visible()
    page.get_by_role("textbox", name="Lost").click()
    page.get_by_role("option", name=re.compile("us.operator")).first.click()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Work it out").first.click()
    expect(page).to_have_url(re.compile(r"/runs/two-hosts-[\w-]+$"), timeout=WAIT_MS)
    expect(page.get_by_role("heading", name="Service lost")).to_be_visible(timeout=3 * WAIT_MS)
    accessible(page)
    with page.expect_download() as caught:
        page.get_by_role("button", name="Tables (XLSX)").click()
    caught.value.save_as(tmp_path / "loss.xlsx")
    assert set(openpyxl.load_workbook(tmp_path / "loss.xlsx").sheetnames) == {
        "buys",
        "service",
        "stops",
        "summary",
    }
    page.get_by_role("link", name="Back to the questions").click()
    expect(page.get_by_role("link", name=re.compile("loss of us.operator"))).to_be_visible(timeout=WAIT_MS)
