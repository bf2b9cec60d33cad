"""A first visit wears the colours that the system prefers; those that a reader has chosen come before them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.untraced

WORN = "data-mantine-color-scheme"
CHARTS_INK = "() => document.querySelector('.js-plotly-plot')._fullLayout.font.color"


def test_the_system_decides_until_the_reader_does(open_page: Callable[..., Page], site: Any) -> None:
    page = open_page("/plan/small", scheme=None, color_scheme="dark")
    expect(page.locator("html")).to_have_attribute(WORN, "dark")
    page.locator(".js-plotly-plot .main-svg").first.wait_for()
    assert page.evaluate(CHARTS_INK) == "#dee2e6"  # drawn on the server
    page.get_by_role("button", name="Switch between light and dark").click()
    expect(page.locator("html")).to_have_attribute(WORN, "light")
    page.reload()
    expect(page.locator("html")).to_have_attribute(WORN, "light")
    page.emulate_media(color_scheme="light")
    page.context.clear_cookies()
    page.goto(site.url)
    expect(page.locator("html")).to_have_attribute(WORN, "light")


def test_a_long_name_is_told_whole(open_page: Callable[..., Page]) -> None:
    chooser = open_page("/plan/small").locator(".run-choice input").first
    chooser.hover()
    expect(chooser).to_have_attribute("title", chooser.input_value())
