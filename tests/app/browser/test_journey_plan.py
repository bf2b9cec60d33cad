"""Journey 1: from the Korea example through changes, a mistake, the check and a run to a plan and a comparison."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.untraced

WAIT_MS = 60_000


def cell(page: Page, row: str, column: str) -> Any:
    return page.locator(f'[row-id="{row}"] [col-id="{column}"]')


def type_into(page: Page, row: str, column: str, text: str) -> None:
    cell(page, row, column).scroll_into_view_if_needed()
    cell(page, row, column).click()
    page.keyboard.press("Control+A")
    page.keyboard.type(text)
    page.keyboard.press("Enter")


PASTE = """(text) => {
    const data = new DataTransfer();
    data.setData("text/plain", text);
    document.activeElement.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true }));
}"""


def test_plan(open_page: Callable[..., Page], accessible: Callable[[Page], None], site: Any) -> None:
    page = open_page("/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Plan sovereign AI capacity")
    accessible(page)
    page.get_by_role("link", name="Scenarios", exact=True).click()
    page.get_by_role("button", name=re.compile("Copy this example: Korea 2027-2032, sovereign")).click()
    expect(page).to_have_url(re.compile(r"/scenarios/korea-\w+"))

    # a demand
    page.get_by_role("link", name="Demand").click()
    type_into(page, "demand-size-points-0", "2027-01-01", "1500")
    expect(cell(page, "demand-size-points-0", "2027-01-01")).to_have_text("1\u202f500")
    # two cells pasted from a spreadsheet
    cell(page, "demand-size-points-0", "2028-01-01").click()
    page.evaluate(PASTE, "1700\t1 800\n")
    expect(cell(page, "demand-size-points-0", "2028-01-01")).to_have_text("1\u202f700")
    expect(cell(page, "demand-size-points-0", "2029-01-01")).to_have_text("1\u202f800")
    accessible(page)
    # power of a grid, first less than none, then a sound one
    page.get_by_role("link", name="Sites", exact=True).click()
    type_into(page, "sites-grid_mw-1", "2027-01-01", "-5")
    expect(page.get_by_text("1 problem to fix")).to_be_visible()
    expect(cell(page, "sites-grid_mw-1", "2027-01-01")).to_have_class(re.compile("cell-problem"))
    type_into(page, "sites-grid_mw-1", "2027-01-01", "20")
    expect(page.get_by_text("No problems found", exact=True)).to_be_visible()

    # a metro is found among hundreds by typing its id or its name
    cell(page, "sites-4", "metro").click()
    expect(page.locator('datalist option[value="JP-OSA"]')).to_have_attribute("label", re.compile("Osaka"))
    page.keyboard.press("Escape")
    type_into(page, "sites-4", "metro", "JP-OSA")
    expect(cell(page, "sites-4", "metro")).to_have_text("JP-OSA")
    type_into(page, "sites-4", "metro", "JP-TYO")
    expect(page.get_by_text("No problems found", exact=True)).to_be_visible()

    # a field of a form, with its message beside it
    page.get_by_role("link", name="Limits", exact=True).click()
    control = page.get_by_label("Control at least")
    control.fill("140")
    page.keyboard.press("Tab")
    expect(page.get_by_text(re.compile("must be at most 100"))).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("No problems found", exact=True)).to_be_visible()

    # years instead of quarters, so that the run takes seconds
    page.get_by_role("link", name="Basics", exact=True).click()
    page.get_by_role("textbox", name="Period", exact=True).click()
    saved = page.locator("[data-revision]")
    before = str(saved.get_attribute("data-revision"))
    page.get_by_role("option", name="Year", exact=True).click()
    expect(saved).not_to_have_attribute("data-revision", before)  # saved, not only shown

    # what differs from the example
    page.get_by_role("link", name="Changes").click()
    changes = page.get_by_role("table")
    expect(changes).to_contain_text("demand[citizen-chat].size.points[0].value")
    expect(changes).to_contain_text(re.compile(r"sites\[\w+\]\.grid_mw\[0\]\.mw"))
    expect(changes.locator("tbody tr")).to_have_count(5)

    # check and run
    page.get_by_role("link", name="Check and run").click()
    expect(page.get_by_text("Ready to run")).to_be_visible(timeout=WAIT_MS)
    accessible(page)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page).to_have_url(re.compile(r"/runs/korea-[\w-]+$"))
    expect(page.get_by_text("Running", exact=True)).to_be_visible(timeout=WAIT_MS)
    page.reload()
    expect(page.get_by_role("button", name="Stop and keep best")).to_be_visible()
    expect(page.locator("#run-chart .scatterlayer .trace").first).to_be_attached(timeout=2 * WAIT_MS)
    expect(page.get_by_text("The plan in brief")).to_be_visible(timeout=4 * WAIT_MS)
    accessible(page)
    run_id = page.url.rsplit("/", 1)[-1]

    # the plan, and beside another
    page.locator("#run-result").get_by_role("link", name="Plan").click()
    expect(page.get_by_text("Cost, present value").first).to_be_visible(timeout=WAIT_MS)
    brief = page.context.new_page()
    brief.goto(f"{site.url}/brief/{run_id}")
    sheets = re.findall(rb"/Type\s*/Page\b", brief.pdf(prefer_css_page_size=True, print_background=True))
    assert len(sheets) == 1, "the brief is one sheet of paper"
    brief.close()
    page.goto(f"{site.url}/compare?runs=small,{run_id}&base=small")
    expect(page.get_by_text("Cost, present value").first).to_be_visible(timeout=WAIT_MS)

    # light to dark in place
    page.get_by_role("button", name="Switch between light and dark").click()
    expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", "dark")
    accessible(page)
