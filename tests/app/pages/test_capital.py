"""The page of capital and finance: every split and money, other terms, what cannot be financed, downside cases."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from planner.app.pages import (
    capital,
    capital_downsides,
    capital_finance,
    capital_tariff,
    capital_terms,
    run_views,
)
from planner.app.services import Services
from planner.app.state.finance import asked, downsides, replanning
from planner.app.state.finance import finance as finance_of_plan
from planner.app.state.result import load_plan
from planner.facts.numbers import MISSING
from planner.finance.cases import AS_SIGNED
from planner.finance.faults import Fault, FinanceError
from planner.finance.tables import CAUTIONS, FAULTS
from planner.finance.tariffs import Tariff
from planner.intake.scenario_file import with_overrides
from planner.jobs.store import Job
from planner.jobs.worker import work
from planner.report.strings import t
from planner.report.terms import term
from planner.runs.run import DOWNSIDES, find_run
from tests.app.pages.drawn import graphs, text_of


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
    given = {"id": "eu", "optional": True, "kind": "grant", "assets": ["halls"], "amount_m": 4}
    unknown = with_overrides(one.run.scenario, {"finance.sources[eu]": given}).finance
    assert "was made without the choice of eu" in text_of(capital_terms.answered(one, unknown))


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
