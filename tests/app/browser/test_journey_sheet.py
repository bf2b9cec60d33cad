"""Journey 8: forty workloads as a workbook with three mistakes, mended, solved; and a second tab on the same scenario.

A new row of another table is filled in faster than the server answers, its date by the keyboard.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.app.forty import forty

pytestmark = pytest.mark.untraced

WAIT_MS = 60_000
PLAN_MS = 300_000
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def uploaded(mistakes: dict[str, Any]) -> FilePayload:
    """The workbook of forty workloads as a file to upload."""
    return {"name": "demand.xlsx", "mimeType": XLSX, "buffer": forty(mistakes)}


@pytest.mark.slow
def test_sheet(open_page: Callable[..., Page], accessible: Callable[[Page], None], site: Any) -> None:
    page = open_page("/scenarios")
    page.get_by_role("button", name=re.compile("Copy this example: One workload")).click()
    page.get_by_role("link", name="Demand", exact=True).click()
    upload = page.locator("[data-upload] input[type=file]")
    upload.set_input_files(uploaded({"D5": "inferense", "J9": "=J8*2", "K12": "many"}))
    expect(page.get_by_text("3 cells to fix")).to_be_visible(timeout=WAIT_MS)
    faults = page.get_by_role("table", name=re.compile("cell", re.I)).last
    for cell in ("D5", "J9", "K12"):
        expect(faults).to_contain_text(cell)
    accessible(page)
    upload.set_input_files(uploaded({}))
    expect(page.get_by_text("40 added")).to_be_visible(timeout=WAIT_MS)
    expect(page.locator("#ed-demand-chart-graph .main-svg").first).to_be_visible(timeout=WAIT_MS)
    expect(page.locator("#ed-demand-chart")).to_contain_text("33 more workloads")
    expect(page.locator("#ed-taken")).to_contain_text("40 added")  # stays

    # another tab changes the scenario: this one is told, and nothing is overwritten
    other = page.context.new_page()
    other.goto(page.url.replace("demand", "limits"))
    other.get_by_label("Cost at most").fill("900")
    other.keyboard.press("Tab")
    expect(other.locator("[data-revision='2']")).to_be_visible(timeout=WAIT_MS)
    first = page.locator('[row-id="demand-size-points-0"] [col-id="2027-01-01"]')
    first.click()
    page.keyboard.press("Control+A")
    page.keyboard.type("7")
    page.keyboard.press("Enter")
    expect(page.get_by_text(re.compile("another window")).first).to_be_visible(timeout=WAIT_MS)
    other.close()
    page.reload()

    # solved: every workload has its row in the chart of service, keyed by id
    page.get_by_role("link", name="Check and run").click()
    page.get_by_role("textbox", name="Quality").click()
    page.get_by_role("option", name=re.compile("Quick")).click()
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_text("The plan in brief")).to_be_visible(timeout=PLAN_MS)
    page.locator("#run-result").get_by_role("link", name="Plan").click()
    expect(page.locator("#plan-served .main-svg").first).to_be_visible(timeout=WAIT_MS)
    labels = page.locator("#plan-served .ytick text").all_text_contents()
    assert len(labels) == len(set(labels)) == 40


@pytest.mark.slow
def test_new_row_is_filled_in(open_page: Callable[..., Page]) -> None:
    page = open_page("/scenarios")
    page.get_by_role("button", name=re.compile("Copy this example: One workload")).click()
    page.get_by_role("link", name="Finance", exact=True).click()
    table = page.get_by_role("region", name="Contracts")
    page.locator("section.record").filter(has=table).get_by_role("button", name="Add a blank row").click()
    expect(table.locator("[row-id='finance-revenue-0']").first).to_be_attached(timeout=WAIT_MS)

    # what is wrong with the blank row is one click away
    expect(page.locator("#ed-status a")).to_have_attribute(
        "href", re.compile("section=finance&at=finance.revenue")
    )

    def put(column: str, value: str) -> None:
        table.locator(f"[row-id='finance-revenue-0'] [col-id='{column}']").click()
        page.keyboard.press("Control+A")
        page.keyboard.type(value)
        page.keyboard.press("Enter")

    put("id", "lease")
    put("price_usd", "3")
    day = table.locator("[row-id='finance-revenue-0'] [col-id='from']")
    day.dblclick()
    table.locator("input[type=date]").fill("2028-04-01")
    page.keyboard.press("Enter")
    expect(page.locator("[data-revision='4']")).to_be_visible(timeout=WAIT_MS)
    expect(day).to_have_text("2028-04-01")
    expect(page.get_by_text("The change was not made")).to_have_count(0)
