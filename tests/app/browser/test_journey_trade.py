"""Journey 2: a trade-off by link, its limits moved, prices read, a plan opened, the link shows the same again."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.untraced

WAIT_MS = 90_000


def charts_drawn(page: Page, name: str) -> None:
    expect(page.locator(f"#{name} .main-svg").first).to_be_visible(timeout=WAIT_MS)


def centre_of_point(page: Page, number: int) -> tuple[float, float]:
    box = page.locator("#tradeoff-scatter .scatterlayer .trace .point").nth(number).bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def opacities(page: Page) -> list[float]:
    """Opacity of each line of the parallel coordinates."""
    return page.evaluate(
        "document.querySelector('#tradeoff-parallel .js-plotly-plot').data.map(t => t.opacity)"
    )


def brush(page: Page, name: str, left: float, top: float) -> None:
    """Draws a box from (left, top), as shares of the chart's area, to its lower right corner."""
    page.locator(f"#{name}").scroll_into_view_if_needed()
    area = page.locator(f"#{name} .nsewdrag").first.bounding_box()
    assert area is not None
    page.mouse.move(area["x"] + area["width"] * left + 4, area["y"] + area["height"] * top)
    page.mouse.down()
    page.mouse.move(area["x"] + area["width"] - 4, area["y"] + area["height"] - 4, steps=6)
    page.mouse.up()


def test_trade(
    open_page: Callable[..., Page], accessible: Callable[[Page], None], site: Any, small_front: Path
) -> None:
    shutil.copytree(small_front, site.runs / "front")
    page = open_page("/tradeoff/front")
    charts_drawn(page, "tradeoff-scatter")
    charts_drawn(page, "tradeoff-parallel")
    expect(page.get_by_text(re.compile("Solved in"))).to_be_visible(timeout=WAIT_MS)

    # the limits, by keyboard: the answer follows and both prices have their units
    answer = page.locator("#tradeoff-answer")
    before = answer.inner_text()
    control = page.get_by_role("slider", name=re.compile("Control at least"))
    for _ in range(8):
        control.press("ArrowRight")
    delay = page.get_by_role("slider", name=re.compile("Delay at most"))
    delay.press("ArrowLeft")
    expect(answer).not_to_have_text(before, timeout=WAIT_MS)
    prices = page.locator("#tradeoff-prices")
    expect(prices).to_contain_text("MUSD per point", timeout=WAIT_MS)
    expect(prices).to_contain_text("MUSD per month")
    expect(page).to_have_url(re.compile(r"control=\d"))
    expect(page).to_have_url(re.compile(r"delay=\d"))

    # a brush in either chart dims lines and filters the table; the newer one stands alone, and goes when cleared
    for name, left, top in (("tradeoff-scatter", 0.0, 0.5), ("tradeoff-parallel", 0.87, 0.6)):
        before = page.url
        brush(page, name, left, top)
        expect(page).to_have_url(re.compile(r"sel=\d"))
        expect(page).not_to_have_url(before)
        dimmed = opacities(page)
        assert 0 < sum(o < 0.5 for o in dimmed) < len(dimmed)
    expect(page.locator("#tradeoff-scatter .selectionlayer path")).to_have_count(0)
    page.get_by_role("button", name="Clear brush and pick").click()
    expect(page).not_to_have_url(re.compile(r"sel="))
    expect(page.locator("#tradeoff-parallel .selectionlayer path")).to_have_count(0)
    assert set(opacities(page)) == {0.9}

    # a row picked in the table is marked in the charts, and its plan opens
    page.locator('#tradeoff-grid [row-id="1"] [col-id="cost_npv_musd"]').click(timeout=WAIT_MS)
    expect(page).to_have_url(re.compile(r"pick=1"))
    expect(page.locator("#tradeoff-picked")).to_contain_text("Point 1")
    page.get_by_role("button", name="Set as baseline").click()
    expect(page).to_have_url(re.compile(r"base=1"))
    page.locator('#tradeoff-grid [row-id="0"] [col-id="cost_npv_musd"]').click()
    expect(page.locator("#tradeoff-picked")).to_contain_text("vs baseline")
    accessible(page)

    # the link
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_text("Link copied")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    assert link == page.url
    shown = page.locator("#tradeoff-picked").inner_text()
    values = [s.get_attribute("aria-valuenow") for s in (delay, control)]
    page.goto(link)
    charts_drawn(page, "tradeoff-scatter")
    expect(page.get_by_text(re.compile("Solved in"))).to_be_visible(timeout=WAIT_MS)
    expect(page.locator("#tradeoff-picked")).to_have_text(shown, use_inner_text=True, timeout=WAIT_MS)
    assert [s.get_attribute("aria-valuenow") for s in (delay, control)] == values
    assert page.url == link

    # the plan of the point, against the baseline; the links above lead to the same plan
    links = page.locator("#tradeoff-pages")
    expect(links.get_by_role("link", name="Capital")).to_have_attribute(
        "href", re.compile(r"/capital/front~0\b")
    )
    page.get_by_role("link", name="Open this plan").click()
    expect(page).to_have_url(re.compile(r"/plan/front~0\?base=front~1"))
    charts_drawn(page, "plan-capacity")
    expect(page.get_by_text("vs baseline").first).to_be_visible()
    for tab in ("Timeline", "Sites and power", "Control", "Bill of materials", "Not served, not allowed"):
        page.get_by_role("tab", name=tab).click()
        expect(page.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", "true")
    expect(page).to_have_url(re.compile("tab=gaps"))
    page.get_by_role("tab", name="Sites and power").click()
    expect(page.locator("#plan-map .geo path").first).to_be_attached(timeout=WAIT_MS)
    accessible(page)

    # the sliders are moved and the page left before they rest: nothing asks for their prices any more
    page.goto(link)
    expect(answer).not_to_be_empty(timeout=WAIT_MS)
    delay.press("ArrowLeft")
    page.evaluate("document.querySelector('#tradeoff-pages a').click()")
    expect(page.locator("#tradeoff-scatter")).to_have_count(0)
    page.wait_for_timeout(1_000)
