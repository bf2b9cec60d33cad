"""Journey 3: capital needs of a configuration by quarter, and a workbook whose figures equal the screen's."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.untraced

WAIT_MS = 60_000


def number(text: str) -> float:
    """A figure of the screen: spaces set thousands apart, a dash stands for minus."""
    return float(re.sub(r"[^\d.−-]", "", text).replace("−", "-"))


def table_under(page: Page, title: str) -> list[list[str]]:
    body = page.get_by_role("table", name=title, exact=True).locator("tr")
    return [row.locator("th, td").all_inner_texts() for row in body.all()]


def test_capital(
    open_page: Callable[..., Page], accessible: Callable[[Page], None], site: Any, tmp_path: Path
) -> None:
    page = open_page("/capital/small")
    expect(page.locator("#capital-needs .main-svg").first).to_be_visible(timeout=WAIT_MS)
    expect(page.locator("#capital-flows .main-svg").first).to_be_visible(timeout=WAIT_MS)
    accessible(page)
    partner = number(
        page.locator(".kpi", has_text="Peak funding of the country").locator(".kpi-value").inner_text()
    )
    shown = table_under(page, "Capital calendar")
    assert shown[0][0] == "Quarter" and shown[0][-1] == "Total"

    # the workbook holds the same figures, and says so itself
    with page.expect_download() as caught:
        page.get_by_role("button", name="Workbook (XLSX)").click()
    target = tmp_path / "book.xlsx"
    caught.value.save_as(target)
    book = openpyxl.load_workbook(target, data_only=True)
    cells = [list(row) for row in book["Capital by account"].iter_rows(min_row=4, values_only=True)]
    sheet = {line[0]: dict(zip(cells[0][5:], line[5:], strict=True)) for line in cells[1:]}
    assert set(shown[0][2:]) <= set(sheet)
    for screen in shown[1:]:
        for part, text in zip(shown[0][2:], screen[2:], strict=True):
            digits = len(text.partition(".")[2])
            assert number(text) == round(float(sheet[part][screen[0]]), digits), (screen[0], part, text)
    flows = {row[0]: row[5:] for row in book["Flows"].iter_rows(min_row=5, values_only=True)}
    assert number(f"{partner:g}") == float(f"{max(flows['To be funded: closing']):.3g}")
    assert all(row[5] == "yes" for row in book["Check"].iter_rows(min_row=5, values_only=True))

    # another split: the address follows, the total stays
    total = sum(number(row[-1]) for row in shown[1:])
    page.get_by_text("Seat of the vendor", exact=True).click()
    expect(page).to_have_url(re.compile("by=origin_iso3"))
    expect(page.get_by_role("columnheader", name="United States").first).to_be_visible()
    again = table_under(page, "Capital calendar")
    assert abs(sum(number(row[-1]) for row in again[1:]) - total) < 1e-6
    page.reload()
    expect(page.get_by_role("columnheader", name="United States").first).to_be_visible(timeout=WAIT_MS)

    # finance below: real money and a downside case stand in the address
    expect(page.locator("#capital-funding-sources .main-svg").first).to_be_visible(timeout=WAIT_MS)
    page.get_by_text("Real", exact=True).click()
    expect(page).to_have_url(re.compile("money=real"))
    expect(page.get_by_text("MUSD, real, prices of the start").first).to_be_visible()

    # a table and a picture of a chart
    with page.expect_download() as caught:
        page.get_by_role("button", name="Save “Capital calendar” as CSV").click()
    caught.value.save_as(tmp_path / "calendar.csv")
    assert (tmp_path / "calendar.csv").read_text("utf-8").startswith("Quarter,Year")
    for kind, start in (("PNG", b"\x89PNG"), ("SVG", b"<svg")):
        with page.expect_download() as caught:
            page.get_by_role("button", name=f"Save “Needs by quarter” as {kind}").click()
        caught.value.save_as(tmp_path / f"needs.{kind}")
        assert start in (tmp_path / f"needs.{kind}").read_bytes()[:400]

    # dark, and every control named
    page.get_by_role("button", name="Switch between light and dark").click()
    expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", "dark")
    accessible(page)

    # downside cases: the plan is made again in the queue, and given up
    page.get_by_role("button", name="Plan again under each event").click()
    expect(page).to_have_url(re.compile("/runs/two-hosts"))
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("nothing was kept")).to_be_visible(timeout=WAIT_MS)
    page.go_back()
    expect(page.get_by_role("button", name="Plan again under each event")).to_be_visible(timeout=WAIT_MS)
