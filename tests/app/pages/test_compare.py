"""The page that compares runs: inputs and results that differ, in words, and what cannot be opened."""

from __future__ import annotations

import pytest
from dash import html

from planner.app.components import result
from planner.app.pages import (
    compare,
)
from planner.app.services import Services
from planner.app.state.result import load_plan
from planner.intake.scenario_file import example_path, load_scenario
from planner.report.strings import t
from tests.app.pages.drawn import graphs, text_of


def test_runs_alike_in_title_differ_where_a_picker_begins() -> None:
    rows = [{"id": f"x-{n}", "title": "A long title", "created": 60.0 * n} for n in (1, 2)]
    assert [result.run_label(row)[:21] for row in rows] == [f"1970-01-01 00:0{n} x-{n}:" for n in (1, 2)], (
        "a narrow field shows the name"
    )
    assert result.run_label(rows[0] | {"title": "x-1"}) == "x-1"


def test_compared_runs_of_one_title_go_by_their_names(services: Services) -> None:
    one = load_plan(services, "national")
    assert compare.names_of({"a": one}) == {"a": one.title}
    assert compare.names_of(dict.fromkeys(("a", "b"), one)) == {"a": "a", "b": "b"}
    assert (
        compare.words_of("money.carbon[0].usd_per_t", one.run.scenario) == "Money, carbon 1, USD for a tonne"
    )


def test_a_run_has_one_name_in_all_tables(services: Services) -> None:
    """A name in small letters heads no column as a word of the planner's would."""
    found = {ref: load_plan(services, ref) for ref in ("national", "cheap")}
    shown = text_of(compare._beside(found, list(found), {"national": "mine", "cheap": "mine-flex"}))
    assert "mine-flex" in shown and "mine" in shown and "Mine" not in shown


def test_compare_names_the_input_that_differs(services: Services) -> None:
    sheets, names = compare.comparison(services, ["national", "cheap"], "cheap")
    assert names == ["cheap", "national"]
    assert "limits.min_control" in set(sheets["inputs"]["path"])
    row = sheets["results"].set_index("kpi").loc["control_score"]
    assert row["Δ national"] == pytest.approx(row["national"] - row["cheap"])
    page = compare.draw(services, {"runs": "cheap,national,front", "base": "national"})
    assert graphs(page) == 5
    assert "Limits, control at least" in text_of(page), "inputs in words"
    two = text_of(compare.draw(services, {"runs": "cheap,national"}))
    assert t("compare.finance") in two and t("compare.built") in two and "points, better" in two
    assert t("compare.finance") not in text_of(page), "of two plans only"
    assert compare.words_of(
        "demand[chat].size.points[1].value", load_scenario(example_path("two-hosts"))
    ) == ("chat: Size, points 2, value")
    kenya = load_scenario(example_path("kenya"))
    assert compare.words_of("hosts[champion-olkaria].site", kenya) == "champion olkaria: Site"


def test_a_difference_within_the_gaps_is_told_below_the_results(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shown() -> str:
        return text_of(html.Div(compare.content(services, ["cheap", "national"], "national")))

    assert "what the gaps of the two plans leave open" not in shown(), "control costs more than that here"
    monkeypatch.setattr(
        compare,
        "differences_in_cost",
        lambda outcomes: [f"told of {len(outcomes)} from {next(iter(outcomes))}"],
    )
    assert "told of 2 from national" in shown()
    monkeypatch.setattr(compare, "differences_in_service", lambda outcomes: [f"service of {len(outcomes)}"])
    assert "service of 2" in shown()


def test_a_run_named_twice_is_compared_once(services: Services) -> None:
    page = text_of(compare.draw(services, {"runs": "cheap,cheap"}))
    assert '"runs": ["cheap"]' in page and t("compare.too-few") in page


def test_compare_says_what_cannot_be_opened(services: Services) -> None:
    page = text_of(compare.draw(services, {"runs": "cheap,gone"}))
    assert "gone" in page and graphs(compare.draw(services, {"runs": "cheap,gone"})) == 0
