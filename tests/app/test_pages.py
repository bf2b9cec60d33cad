"""Pages of results on real runs, without a browser: they draw, keep their state, and say what is missing."""

from __future__ import annotations

import json
import re
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dash
import numpy as np
import pandas as pd
import pytest
from dash import html

from planner.app import create_app
from planner.app.components import kpi, result
from planner.app.pages import (
    capital,
    capital_downsides,
    capital_finance,
    capital_tariff,
    capital_terms,
    compare,
    editor_views,
    home,
    plan,
    plan_views,
    run_views,
    tradeoff,
    tradeoff_around,
    tradeoff_views,
)
from planner.app.services import NotFound, Services, Settings
from planner.app.state import editing, kept, live
from planner.app.state.finance import asked, downsides, replanning
from planner.app.state.finance import finance as finance_of_plan
from planner.app.state.result import load, load_plan
from planner.facts.numbers import MISSING, number
from planner.finance.cases import AS_SIGNED
from planner.finance.faults import Fault, FinanceError
from planner.finance.tables import CAUTIONS, FAULTS
from planner.finance.tariffs import Tariff
from planner.intake.scenario_file import example_path, load_scenario, with_overrides
from planner.jobs import drafts
from planner.jobs.store import Job
from planner.jobs.worker import work
from planner.report import answer, front
from planner.report.answer import answer_of
from planner.report.strings import t
from planner.report.terms import term
from planner.runs.files import now, write_json
from planner.runs.run import DOWNSIDES, Run, find_run
from planner.runs.solve import run_solve
from planner.studies import next_step

EVENTS = [{"id": "price", "what": "price", "size": 0.2}, {"id": "grid-late", "what": "grid-late", "size": 6}]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, small_run: Path, small_front: Path) -> dash.Dash:
    """Two runs of the small example and its frontier, in an application."""
    root = tmp_path_factory.mktemp("pages")
    small = load_scenario(example_path("two-hosts"))
    shutil.copytree(small_run, root / "cheap")
    shutil.copytree(small_front, root / "front")
    changes = {"limits.min_control": 50, "finance.downsides": EVENTS}
    run_solve(with_overrides(small, changes), {"quality": "quick"}, root / "national")
    return create_app(Settings(runs_root=root))


@pytest.fixture(scope="module")
def services(app: dash.Dash) -> Services:
    found: Services = app.server.extensions["planner"]
    return found


@pytest.fixture(autouse=True)
def inside(services: Services) -> Iterator[None]:
    """Pages make links and read the reader's colours: they are drawn inside a request."""
    app = dash.get_app()
    with app.server.test_request_context("/"):
        yield


def test_the_brief_of_a_plan_or_a_point_is_a_page_of_its_own(app: dash.Dash) -> None:
    client = app.server.test_client()
    for ref in ("cheap", "front~0"):
        page = client.get(f"/brief/{ref}")
        assert page.status_code == 200 and page.mimetype == "text/html"
        assert "present value" in page.text and page.text.count("<script") == 1
        assert '<script src="/assets/print.js" defer></script>' in page.text and "Print or save" in page.text
    assert client.get("/brief/nowhere").status_code == 404


def text_of(part: Any) -> str:
    """Everything a page would send to the browser."""
    return json.dumps(part, default=lambda c: c.to_plotly_json() if hasattr(c, "to_plotly_json") else str(c))


def ids_of(part: Any) -> list[str]:
    """Ids of everything in a page; what is kept for all readers is plain data already."""
    if hasattr(part, "to_plotly_json"):
        part = part.to_plotly_json()
    if isinstance(part, list | tuple):
        return [found for child in part for found in ids_of(child)]
    if not isinstance(part, dict) or "props" not in part:
        return []
    own = [str(part["props"]["id"])] if part["props"].get("id") else []
    return own + ids_of(part["props"].get("children"))


def graphs(part: Any) -> int:
    return text_of(part).count('"type": "Graph"')


# ---- editor


def test_demand_offers_profiles_and_tells_the_lengths_taken(services: Services) -> None:
    plain = example_path("two-hosts").read_text("utf-8")
    for text, told in (
        (plain, True),
        (editing.apply(plain, {"demand[assistant].profile": "retrieval"}), False),
    ):
        draft = drafts.create(services.store, "mine", text, "someone")
        shown = text_of(editor_views.body(services, draft, "demand", editing.check(text, services.catalog)))
        assert (t("scenario.lengths-taken") in shown) == told
        for field in (
            "profile",
            "ttft_s",
            "tokens_per_s_per_user",
            "input_tokens_per_request",
            "cached_share",
        ):
            assert f'"field": "{field}"' in shown, field
        assert (
            "coding-agent" in shown and "params_total_b" in shown
        )  # profiles to choose from, models of one's own


# ---- plan


@pytest.mark.parametrize("tab", plan_views.TABS)
@pytest.mark.parametrize("ref", ["cheap", "national"])
def test_every_tab_of_a_plan_draws_few_charts(services: Services, ref: str, tab: str) -> None:
    page = plan.draw(load_plan(services, ref), services, {"tab": tab})
    assert graphs(page) <= 6
    found = ids_of(page)
    assert len(found) == len(set(found)), "an id may stand once"
    assert "could not" not in text_of(page)


@pytest.mark.parametrize("tab", plan_views.TABS)
def test_a_plan_from_before_a_table_was_made_is_drawn_as_one_without_rows_of_it(
    services: Services, tab: str
) -> None:
    """What later versions can buy is nothing that an earlier plan bought."""
    now, then = services.runs_root / "cheap", services.runs_root / f"then-{tab}"
    shutil.copytree(now, then)
    manifest = json.loads((then / "manifest.json").read_text())
    for path in sorted((then / "tables").glob("*.parquet")):
        if path.stem not in answer.TABLES and not len(Run(now).table(path.stem)):
            path.unlink()
            del manifest["checksums"][path.stem]
    write_json(then / "manifest.json", manifest)
    assert len(Run(then).tables) < len(Run(now).tables) - 5
    old, new = (plan.draw(load_plan(services, path.name), services, {"tab": tab}) for path in (then, now))
    assert graphs(old) == graphs(new) and "went wrong" not in text_of(old)


def test_a_plan_shows_its_difference_to_the_baseline(services: Services) -> None:
    one, base = load_plan(services, "national"), load_plan(services, "cheap")
    page = text_of(plan.draw(one, services, {"base": "cheap"}))
    assert page.count("vs baseline") >= 8
    assert "vs baseline" not in text_of(plan.draw(base, services, {}))


def test_an_old_link_still_opens(services: Services) -> None:
    """A tab that is gone, a baseline that was removed, a payer of another plan: defaults, not errors."""
    one = load_plan(services, "cheap")
    assert graphs(plan.draw(one, services, {"tab": "gone", "base": "removed"}))
    assert graphs(capital.draw(one, services, {"by": "gone", "what": "gone", "payer": "nobody"}))
    with pytest.raises(NotFound):
        load(services, "removed")
    with pytest.raises(NotFound):
        load(services, "front~99")
    with pytest.raises(NotFound):
        load(services, "front~../../cheap")


def test_tables_of_the_screen_are_those_of_the_download(services: Services) -> None:
    one = load_plan(services, "national")
    for name, view in plan_views.TABLES.items():
        assert isinstance(view(one, services), pd.DataFrame), name
    assert plan_views.TABLES["waterfall"](one, services)["points"].sum() == pytest.approx(
        one.run.kpi("control_score")
    )
    materials = plan_views.TABLES["materials"](one, services).groupby("item")["quantity"].sum()
    assert materials["Accelerators bought"] == pytest.approx(one.table("orders")["accelerators"].sum())
    served = plan_views.TABLES["capacity"](one, services)["served_kref"].sum()
    assert served == pytest.approx(one.table("demand")["served_kref"].sum())


def test_the_map_has_every_site_of_the_scenario(services: Services) -> None:
    one = load_plan(services, "national")
    by_year = plan_views.TABLES["map"](one, services)
    horizon = one.run.scenario.horizon
    assert set(by_year["year"]) == set(range(horizon.start.year, horizon.start.year + horizon.years))
    sites = by_year[by_year["year"] == by_year["year"].max()].set_index("p")
    assert set(sites.index) == {"haenam", "seoul"}
    assert sites["accelerators"].sum() == pytest.approx(one.run.kpi("accelerators"))
    assert 33 < sites.at["haenam", "lat"] < 36


# ---- capital


def test_changed_terms_of_finance_are_read_on_the_plan_as_it_stands(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = load_plan(services, "national")
    assert capital_terms.block(services, one) is None
    budget = {"id": "state", "kind": "budget", "musd_per_year": 900.0}
    terms = with_overrides(one.run.scenario, {"finance.revenue": [budget]}).finance
    monkeypatch.setattr(capital_terms, "present", lambda *_: terms)
    assert t("capital.terms-ask") in text_of(capital.draw(one, services, {}))
    shown = text_of(capital_terms.answered(one, terms))
    assert term("finance_figure", "equity_irr") in shown and t("capital.finance-faults") not in shown


@pytest.mark.parametrize(("money", "case"), [("nominal", ""), ("real", "grid-late"), ("shown", "gone")])
def test_capital_shows_finance_in_any_money_and_case(services: Services, money: str, case: str) -> None:
    one = load_plan(services, "national")
    query = {"money": money, "case": case}
    page = text_of(capital.draw(one, services, query))
    assert t("capital.funding-sources-title") in page and term("finance_meaning", "min_dscr") in page
    state = capital.checked({**capital.DEFAULTS, **query}, one)
    assert state["money"] != "shown" and state["case"] in (
        "",
        "grid-late",
    )  # all is in dollars; no case of that name
    for name, view in capital_finance.TABLES.items():
        assert isinstance(view(one, state), pd.DataFrame), name
    assert "Three figures say how much money is needed" in page and "nothing is sold" in page
    assert t("capital.tariff-title") in page
    returns = downsides(one)["finance_downsides"]["equity_irr"]
    assert len(returns) and returns.isna().all()  # as the card says: nothing is sold
    may_fall = capital_finance.TABLES["break-evens"](one, state)
    assert len(may_fall) == 2 and t("capital.break-evens-title") in page
    assert may_fall["reason"].all() and set(may_fall["may_be_lost"]) == {MISSING}  # without debt and revenue
    lines = capital_finance.TABLES["funding-sources"](one, state).groupby("statement")["amount"].sum()
    assert lines["sources"] == pytest.approx(lines["uses"])


def test_runs_alike_in_title_differ_where_a_picker_begins() -> None:
    rows = [{"id": f"x-{n}", "title": "A long title", "created": 60.0 * n} for n in (1, 2)]
    assert [result.run_label(row)[:28] for row in rows] == [f"1970-01-01 00:0{n} A long titl" for n in (1, 2)]
    assert result.run_label(rows[0] | {"title": "x-1"}) == "x-1"


def test_compared_runs_of_one_title_go_by_their_names(services: Services) -> None:
    one = load_plan(services, "national")
    assert compare.names_of({"a": one}) == {"a": one.title}
    assert compare.names_of(dict.fromkeys(("a", "b"), one)) == {"a": "a", "b": "b"}
    assert (
        compare.words_of("money.carbon[0].usd_per_t", one.run.scenario) == "Money, carbon 1, USD for a tonne"
    )


def test_values_that_were_filled_in_are_rounded() -> None:
    told = [
        capital_finance.as_read(value)
        for value in ("0.2736010945998762", "loan", "7", "2027-01-01", "v1.2.3")
    ]
    assert told == ["0.2736", "loan", "7", "2027-01-01", "v1.2.3"]
    filled = capital_finance._filled(
        pd.DataFrame(
            {
                "path": [
                    "finance.inflation_per_year",
                    "finance.life_years.halls",
                    "finance.sources[loan].kind",
                ],
                "value": ["0.025", "20", "loan"],
            }
        )
    )
    assert filled["path"].tolist()[0] == "Inflation" and "life" in filled["path"].tolist()[1].lower()
    assert filled["value"].tolist() == ["2.50 % a year", "20 years", "loan"]


def test_a_loan_that_is_refused_is_told_apart_from_one_that_no_tariff_covers(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = load_plan(services, "national")

    def told(found: Tariff | Exception) -> str:
        def stand_in(*_: object) -> Tariff:
            if isinstance(found, Exception):
                raise found
            return found

        monkeypatch.setattr(capital_tariff, "tariff", stand_in)
        return text_of(capital_tariff.answered(one, 70, "", 9, 1.3))

    places = [f"finance.sources[senior].{field}" for field in ("tenor_years", "repayment")]
    refused = told(
        FinanceError(Fault(path, "tenor beyond the useful life of servers, 5 years") for path in places)
    )
    assert t("capital.tariff-refused") in refused and t("capital.tariff-none") not in refused
    assert refused.count("Tenor beyond the useful life of servers, 5 years.") == 1 and "senior" not in refused
    dear = told(FinanceError.single("finance.target_dscr", "no price gives it"))
    assert t("capital.tariff-none") in dear
    figures = {
        "usd_per_hour": 2.0,
        "rate_per_year": 0.07,
        "tenor_years": 4.0,
        "min_dscr": 1.3,
        "equity_irr": None,
    }
    covered = told(Tariff(loan_musd=113.9, uses_musd=2270.0, defaults=(), **figures))
    assert (
        "The loan pays 113.9 of 2\u202f270 MUSD" in covered.replace("\\u202f", "\u202f")
        and "(5 %)" in covered
    )


def test_a_plan_that_cannot_be_financed_says_where(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [("finance.downsides[grid-late].size", "above 100 %"), ("revenue", "none at all")]
    faults = pd.DataFrame(found, columns=["path", "message"])
    monkeypatch.setattr(capital_finance, "finance", lambda *_: {FAULTS: faults})
    one = load_plan(services, "national")
    page = text_of(capital_finance.content(one, capital_finance.DEFAULTS))
    lines = (one.run.path / "scenario.yaml").read_text("utf-8").splitlines()
    place = re.search(r"scenario.yaml, line (\d+): finance.downsides\[grid-late\].size: above 100 %", page)
    assert t("capital.finance-faults") in page and place is not None
    assert "size: 6" in lines[int(place[1]) - 1]
    assert '"revenue: none at all"' in page, "what stands nowhere in the file has no line"


def test_a_plan_whose_draws_are_not_covered_says_so(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = load_plan(services, "national")
    tables = finance_of_plan(one)
    title = t("capital.finance-cautions")
    assert title not in text_of(capital_finance.content(one, capital_finance.DEFAULTS))
    wary = pd.DataFrame([("finance.sources", "low cover")], columns=["path", "message"])
    monkeypatch.setattr(capital_finance, "finance", lambda *_: tables | {CAUTIONS: wary})
    page = text_of(capital_finance.content(one, capital_finance.DEFAULTS))
    assert title in page and "finance.sources: low cover" in page


def test_downside_cases_are_planned_again_in_the_queue_and_shown_side_by_side(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("planner.studies.downsides._answered", lambda *_: {"min_dscr": 1.0})
    one = load_plan(services, "national")
    text, options = asked(one)

    def ask() -> Job:
        return services.submit("again", text, options, title=None, draft=None, folder=None)[0]

    def shown() -> str:
        return text_of(capital.draw(one, services, {}))

    assert t("capital.replan") in shown() and term("how", "replanned") not in shown()
    given_up = ask()
    assert t("capital.replan-live") in shown() and t("capital.replan") not in shown().replace(
        t("capital.replan-live"), ""
    )
    services.store.claim(1)
    services.store.want_cancel(given_up.id)
    assert work(services.store, given_up.id) == 1 and not Path(given_up.directory).exists()
    assert t("capital.replan") in shown()
    job = ask()
    assert job.id != given_up.id
    services.store.claim(1)
    assert work(services.store, job.id) == 0
    assert {e["message"] for e in services.store.events(job.id)} >= {"grid-late, 1 of 1"}
    table = capital_downsides.cases(one, replanning(services, one))
    pairs = list(zip(table["case"], table["how"], strict=True))
    alone, again = term("how", "flows"), term("how", "replanned")
    assert pairs == [(AS_SIGNED, alone), ("price", alone), ("grid-late", alone), ("grid-late", again)]
    assert again in shown() and t("capital.replan-help") not in shown()
    done = services.store.job(job.id)
    assert done is not None and done.state == "done"
    assert "/capital/national" in text_of(run_views.result(done, services))
    assert job.id not in {row["id"] for row in services.runs(with_plan=True)}
    assert find_run("latest", services.runs_root).kind != DOWNSIDES


@pytest.mark.parametrize("by", capital.SPLITS)
def test_capital_draws_every_split(services: Services, by: str) -> None:
    one = load_plan(services, "national")
    page = capital.draw(one, services, {"by": by, "what": "outlay", "payer": "partner"})
    assert 1 <= graphs(page) <= 6
    state = {"by": by, "what": "capital", "payer": ""}
    calendar = capital.TABLES["calendar"](one, state)
    ledger = one.table("ledger")
    paid = ledger.loc[ledger["kind"].isin(["capex", "grant"]), "musd"].sum()
    assert calendar["Total"].sum() == pytest.approx(paid)


def test_peak_on_the_screen_is_the_kpi(services: Services) -> None:
    one = load_plan(services, "national")
    funding = capital.TABLES["funding"](one, {})
    assert funding["cumulative_musd"].max() == pytest.approx(one.run.kpi("peak_funding_musd"))


def test_cost_composition_adds_up_to_the_cost(services: Services) -> None:
    one = load_plan(services, "national")
    table = capital.TABLES["composition"](one, {})
    assert table["musd_discounted"].sum() == pytest.approx(one.run.kpi("cost_npv_musd"))


# ---- compare


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


def test_a_run_named_twice_is_compared_once(services: Services) -> None:
    page = text_of(compare.draw(services, {"runs": "cheap,cheap"}))
    assert '"runs": ["cheap"]' in page and t("compare.too-few") in page


def test_compare_says_what_cannot_be_opened(services: Services) -> None:
    page = text_of(compare.draw(services, {"runs": "cheap,gone"}))
    assert "gone" in page and graphs(compare.draw(services, {"runs": "cheap,gone"})) == 0


# ---- trade-off


def test_tradeoff_restores_limits_brush_and_pick_from_the_address(services: Services) -> None:
    one = load(services, "front")
    points = front.points_of(one.run)
    pick = points["point"].iloc[0]
    page = tradeoff.draw(
        one, services, {"pick": pick, "sel": f"{pick},unknown", "delay": "4", "control": "1e9"}
    )
    sent = text_of(page)
    assert json.dumps({"sel": [pick], "pick": pick, "base": ""}) in sent
    limits = front.limits(points, one.kpis)
    assert f'"max": {limits.control_high}, ' in sent or f'"value": {limits.control_high}' in sent
    below = tradeoff_views.lower(one, points, {"sel": [pick]})
    assert (graphs(page), graphs(html.Div(below))) == (1, 3)


def test_the_links_to_plan_and_capital_lead_to_the_picked_plan(services: Services) -> None:
    one = load(services, "front")
    plans = front.points_of(one.run).set_index("point")["plan"]
    last = plans[plans >= 0].index[-1]
    sent = text_of(tradeoff_views.pages_of(one, {"pick": last, "base": plans.index[0]}))
    for page in ("plan", "capital"):
        assert f"/{page}/front~{plans[last]}?base=front~{plans.iloc[0]}" in sent
    assert "/plan/front" in text_of(tradeoff_views.pages_of(one, {"pick": "", "base": ""}))


def test_a_plan_without_a_frontier_still_has_its_sliders(services: Services) -> None:
    page = text_of(tradeoff.draw(load(services, "cheap"), services, {}))
    assert "tradeoff-delay" in page and t("tradeoff.no-points") in page


def test_a_frontier_opens_as_its_first_plan(services: Services) -> None:
    one = load_plan(services, "front")
    assert one.ref == "front~0"
    assert one.run.kpi("cost_npv_musd") > 0


def test_live_answers_follow_the_limits_and_price_them(services: Services) -> None:
    entry = live.LiveCache().get("front", services.run("front"))
    assert entry.built.wait(120) and entry.state == "ready", entry.error
    loose, tight = entry.at(15.0, 0.0), entry.at(9.0, 45.0)
    assert tight["control_score"] >= 45 - 1e-6 and tight["delay_months"] <= 9 + 1e-3
    assert tight["cost_npv_musd"] > loose["cost_npv_musd"]
    prices = entry.prices(tight)
    assert prices is not None and all(one.least <= one.musd <= one.most for one in prices.values())
    dearer = entry.at(8.0, 45.0)["cost_npv_musd"] - tight["cost_npv_musd"]
    assert prices["price_of_speed_musd_per_month"].musd == pytest.approx(dearer, abs=1e-4)
    assert entry.prices(tight) is None, "the reader has moved on"
    assert entry.prices(tight, "another") is not None, "another reader's prices are not theirs to stop"
    again = entry.at(9.0, 45.0)
    assert again["cost_npv_musd"] == pytest.approx(tight["cost_npv_musd"], rel=1e-9)
    assert entry.at(0.1, 99.0)["feasible"] is False


def test_a_price_that_is_not_known_is_told_with_its_ends_and_is_no_card() -> None:
    known, open_ended = next_step.Price(5.0, 4.0, 6.0), next_step.Price(5.0, 1.0, 8.0)
    told = text_of(tradeoff_views.price_cards({next_step.SPEED: open_ended, next_step.CONTROL: known}))
    assert "not known within the gap; between 1 and 8" in told and told.count("not known") == 1
    cards = text_of(tradeoff_views.price_cards({next_step.SPEED: known}))
    assert "5" in cards and "not known" not in cards
    endless = text_of(tradeoff_views.price_cards({next_step.SPEED: next_step.Price(5.0, 0.0, float("inf"))}))
    assert "not known within the gap." in endless and "between" not in endless
    speed, control = (
        (name, next_step.least(name), next_step.most(name)) for name in (next_step.SPEED, next_step.CONTROL)
    )
    row = dict(zip((*speed, *control), (np.nan, 1.0, 8.0, np.nan, np.nan, np.nan), strict=True))
    assert text_of(tradeoff_views.not_known(front.prices_of(row))).count("not known") == 1, (
        "none where there is none"
    )


class Slow:
    """A live programme that must never be asked twice at once."""

    def __init__(self, _run: Any) -> None:
        self.busy = 0

    def at(self, max_delay_months: float, min_control_points: float) -> dict[str, Any]:
        self.busy += 1
        assert self.busy == 1
        time.sleep(0.002)
        self.busy -= 1
        cost = 100.0 - max_delay_months + min_control_points
        asked = {"max_delay_months": max_delay_months, "min_control": min_control_points}
        return {**asked, "feasible": True, "cost_npv_musd": cost, "control_score": min_control_points}

    def at_least(self, max_delay_months: float, min_control_points: float) -> float:
        return 100.0 - max_delay_months + min_control_points


def test_readers_of_one_run_take_turns_and_the_cache_stays_small() -> None:
    cache = live.LiveCache(build=Slow, kept=2)
    entry = cache.get("a", None)
    entry.built.wait(10)
    errors: list[BaseException] = []

    def ask() -> None:
        try:
            for _ in range(10):
                answer = entry.at(3.0, 50.0)
                found = entry.prices(answer)
                assert (
                    found is not None and {one.shown for one in found.values()} == {1.0} and len(found) == 2
                )
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert cache.get("a", None) is entry
    for key in "bc":
        cache.get(key, None)
    assert cache.get("a", None) is not entry, "the least recently asked goes first"


def test_a_single_plan_gets_the_points_around_it_on_the_live_programme(services: Services) -> None:
    one = load(services, "cheap")
    entry = live.LiveCache().get("cheap", one.run)
    assert entry.built.wait(120) and entry.state == "ready", entry.error
    before = tradeoff.draw(one, services, {})
    waits = text_of(tradeoff_views.lower(one, tradeoff_views.points_of(one), {"sel": []}))
    for part in (text_of(before), waits):
        assert t("tradeoff.waiting")[:20] in part and t("charts.no-points")[:20] not in part
    assert t("tradeoff.no-points") in text_of(before) and entry.points is None
    end = time.monotonic() + 60
    while (points := entry.screened()) is None and time.monotonic() < end:
        time.sleep(0.05)
    assert entry.screened() is points, "it is worked out once"
    beside = entry.around(6.0, 40.0)
    while not beside.done and time.monotonic() < end:
        time.sleep(0.02)
    assert entry.around(6.0, 40.0) is beside and beside.asked == len(beside.rows) > 3
    assert all(least - 1e-6 <= best <= most + 1e-6 for *_, best, least, most in beside.rows)
    at = entry.at(6.0, 40.0)
    own = beside.service.set_index("w").loc["assistant"]  # the only workload: its dates are those of all
    assert all(own[name] == at[name] for name in own.index)
    told = text_of(tradeoff_around.content(beside, [6.0, 40.0], one.run.scenario))
    assert t("tradeoff.forced") in told and "work at cloud" in told and "Worked out" not in told
    plan_cost, delay = one.run.kpi("cost_npv_musd"), one.run.kpi("delay_months")
    assert set(points["quality"]) == {"screening"} and len(points) >= 10
    near = points[(points["delay_months"] <= delay + 1e-3) & (points["min_control"].isna())]
    assert near["cost_npv_musd"].min() == pytest.approx(plan_cost, rel=0.05)
    around = front.with_plan(points, one.run, entry.at)
    assert around is not None and front.with_plan(None, one.run, entry.at) is None
    own = around.iloc[0]
    assert (own["point"], own["cost_npv_musd"], own["plan"]) == (front.OWN, plan_cost, -1)
    assert around.attrs["own_musd"] == pytest.approx(plan_cost, rel=0.05) and len(around) == len(points) + 1
    points = around
    try:
        one.screened = points
        drawn = text_of(tradeoff.draw(one, services, {"pick": points["point"].iloc[0]}))
        assert (
            t(
                "tradeoff.screened",
                own=number(around.attrs["own_musd"]),
                plan=number(plan_cost),
                name=front.OWN,
            )
            in drawn
        )
        assert all(f'"point": "{p}"' in drawn for p in points["point"])
        picked = tradeoff_views.picked(one, {"pick": points["point"].iloc[1]})
        assert t("tradeoff.screening") in text_of(picked)
        assert [
            b.variant for b in picked._traverse() if getattr(b, "children", "") == t("tradeoff.make-pick")
        ] == ["filled"]
        itself = text_of(tradeoff_views.picked(one, {"pick": front.OWN}))
        assert f"/plan/{one.ref}" in itself and t("tradeoff.make-pick") not in itself
        assert all(told in drawn for told in front.in_words(points)) and front.in_words(points)
        assert tradeoff_views.TABLES["points"](one, None) is points
    finally:
        one.screened = None


def test_a_live_programme_that_fails_says_why_and_is_tried_again() -> None:
    calls = []

    def build(_run: Any) -> Any:
        calls.append(1)
        raise ValueError("no plan exists at any delay")

    cache = live.LiveCache(build=build)
    entry = cache.get("x", None)
    entry.built.wait(10)
    assert (entry.state, entry.error) == ("failed", "no plan exists at any delay")
    cache.get("x", None).built.wait(10)
    assert len(calls) == 2


def test_limits_cover_all_points(services: Services) -> None:
    run: Run = services.run("front")
    points = front.points_of(run)
    limits = front.limits(points, run.kpis)
    assert limits.delay_low >= points["max_delay_months"].min() - 1e-9, "the tightest limit can be met"
    assert limits.delay_high >= points["max_delay_months"].max() - 1e-3
    assert points["control_score"].max() - 0.1 <= limits.control_high <= points["control_score"].max()


def test_the_words_say_what_more_control_and_less_delay_cost() -> None:
    rows = [(12.0, 60.0, 17.0), (12.0, 80.0, 20.5), (6.0, 60.0, 17.25), (6.0, 70.0, 30.0)]
    points = pd.DataFrame(rows, columns=["max_delay_months", "control_score", "cost_npv_musd"]).assign(
        quality="screening"
    )
    control, speed = front.in_words(points)
    for part in ("12 months", "60 points cost 17.0 MUSD", "80 points cost 20.5 MUSD", "3.5 MUSD more"):
        assert part in control
    assert "17.00 MUSD" in speed and "17.25 MUSD" in speed and "0.25 MUSD more" in speed
    (alone,) = front.in_words(points[:1])
    assert "60 points" in alone and "already" in alone
    assert front.in_words(points[:0]) == []


def test_what_a_finished_run_shows_is_drawn_once(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for every reader in the same colours; drawn anew in others, and where the run is another."""
    monkeypatch.setattr(kept, "_parts", OrderedDict())
    one = load_plan(services, "cheap")

    def pages() -> list[str]:
        both = {"runs": "cheap,national"}
        return [text_of(plan.draw(one, services, {})), text_of(capital.draw(one, services, {})),
                text_of(compare.draw(services, both))]  # fmt: skip

    shown = pages()
    asked: list[str] = []

    def noted(name: str, draw: Any) -> Any:
        def content(*args: Any) -> Any:
            asked.append(name)
            return draw(*args)

        return content

    for module, name in ((plan, "plan"), (capital, "capital"), (compare, "compare")):
        monkeypatch.setattr(module, "content", noted(name, vars(module)["content"]))
    again = pages()
    assert asked == [] and again == shown
    with dash.get_app().server.test_request_context("/", headers={"Cookie": "scheme=dark"}):
        dark = text_of(plan.draw(one, services, {}))
    assert asked == ["plan"] and dark != shown[0]
    plan.draw(load_plan(services, "national"), services, {})
    assert asked == ["plan", "plan"]


def test_a_new_run_is_in_the_list_at_once(services: Services) -> None:
    before = {row["id"] for row in services.runs()}
    name = written(services, "late-comer", "plan", {"status": "optimal", "kpis": {}})
    assert {row["id"] for row in services.runs()} == before | {name}
    (services.runs_root / name / "outcome.json").write_text('{"status": "infeasible"}')
    assert next(row["state"] for row in services.runs() if row["id"] == name) == "infeasible"
    shutil.rmtree(services.runs_root / name)
    assert {row["id"] for row in services.runs()} == before


def test_runs_are_read_once(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    one = load(services, "cheap")
    one.table("ledger")
    monkeypatch.setattr(Path, "read_text", lambda *_a, **_k: pytest.fail("read again"))
    assert load(services, "cheap").table("ledger") is one.table("ledger")


def written(services: Services, name: str, kind: str, outcome: dict[str, Any]) -> str:
    """A run directory with nothing but what the lists read."""
    folder = services.runs_root / name
    folder.mkdir(exist_ok=True)
    write_json(folder / "manifest.json", {"kind": kind, "scenario": name, "started": now()})
    write_json(folder / "outcome.json", outcome)
    return name


def test_a_finished_batch_is_done_and_shows_its_cases(services: Services) -> None:
    name = written(services, "sweep", "batch", {"status": "done", "cases": {"optimal": 3, "infeasible": 1}})
    row = next(r for r in services.runs() if r["id"] == name)
    assert row["state"] == "done"
    page = text_of(run_views.directory(services, services.run(name), name))
    assert "3 optimal; 1 infeasible" in page and t("run.end.infeasible") not in page
    assert name not in {r["id"] for r in result.choices(services)}, "a batch has no plan to open"
    assert "/plan/sweep" not in text_of(home.recent(services.runs()))


@pytest.mark.parametrize("status", ["no-solution", "unbounded"])
def test_a_run_without_a_plan_says_how_it_ended(services: Services, status: str) -> None:
    name = written(services, f"ended-{status}", "plan", {"status": status, "troubles": [], "notes": []})
    row = next(r for r in services.runs() if r["id"] == name)
    assert row["state"] == status
    assert t(f"app.status.{status}") in text_of(home.recent([row]))
    assert t(f"run.end.{status}") in text_of(run_views.directory(services, services.run(name), name))


def test_pages_of_a_run_and_of_a_comparison_say_that_an_audit_is_not_clean(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pages() -> list[str]:
        alone = run_views.directory(services, services.run("cheap"), "cheap")
        assert json.dumps(answer_of(services.run("cheap")).lead)[1:-1] in text_of(alone)
        return [text_of(alone), text_of(compare.content(services, ["cheap", "national"], None))]

    fault = "the audit finds 2 rules broken: do not use this plan"
    assert all(fault not in page for page in pages())
    monkeypatch.setattr(Run, "audit", "broken")
    monkeypatch.setattr(Run, "audit_fault", fault.partition(":")[0])
    assert all(fault in page for page in pages())


def test_a_plan_whose_audit_is_not_clean_has_a_badge() -> None:
    assert kpi.audit_badge("clean") is None and kpi.audit_badge(None) is None and kpi.audit_badge("") is None
    for state in ("broken", "failed"):
        badge = kpi.audit_badge(state)
        assert badge is not None and "do not use" in badge.children
