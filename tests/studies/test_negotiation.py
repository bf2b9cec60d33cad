"""What concessions are worth: by hand on a small case, the same waits in every plan, intervals that hold 0 say so."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from planner.case.build import build_case
from planner.facts.catalog import Catalog
from planner.facts.errors import NoPlan
from planner.intake.scenario_file import example_path, load_scenario, with_overrides
from planner.report.charts.what_if import worth
from planner.report.strings import t
from planner.report.what_if import negotiation_rows, negotiation_told
from planner.scenario.schema import Scenario
from planner.studies import negotiation
from planner.studies.concessions import Asked, Concession, concessions, decided
from planner.studies.negotiation import negotiation_table

EMBASSY = {"id": "embassy", "kind": "data-embassy", "partner": "JPN", "lead_months": 6, "musd_per_year": 0.5,
           "sign_musd": 3, "covers": {"classes": ["public"]}}  # fmt: skip


@pytest.fixture(scope="module")
def table(tiny, plain_catalog) -> pd.DataFrame:
    """800 accelerators at home; abroad energy is 60 USD/MWh cheaper, for the embassy and for no more than 400 of a workload
    that may run anywhere."""
    plain = tiny().model_dump(mode="json", exclude_none=True, by_alias=True)
    site, host, work = plain["sites"][0], plain["hosts"][0], plain["demand"][0]
    scenario = tiny(
        sites=[site, {**site, "id": "tokyo", "metro": "JP-TYO", "elec_price_usd_per_mwh": 40}],
        hosts=[host, {**host, "id": "there", "site": "tokyo"}],
        demand=[work],
        limits={"max_delay_months": 12},
        supply={"owner_allocations": False, "licence": {"mode": "required", "lead_months": 3}},
        agreements=[EMBASSY],
        solve={"open_every_periods": 1, "gap": 1e-6},
    )
    catalog = plain_catalog(
        {("countries", "JPN", "it_import_duty_pct"): 0, ("countries", "KOR", "it_import_duty_pct"): 0}
    )
    return negotiation_table(scenario, "plan", catalog)


def discount(t: float) -> float:
    return 1.08 ** -((t + 0.5) / 4)


def test_the_most_to_pay_for_an_agreement_is_what_it_saves(table):
    row = table[table["what"] == "agreement"].iloc[0]
    saved = sum(1.2 * 1.2 * 2190 * 60 / 1e6 * discount(t) for t in range(4, 12))
    assert row["worth_musd"] == pytest.approx(saved, abs=1e-3)
    assert row["low_musd"] <= row["worth_musd"] <= row["high_musd"] and row["told_apart"]


def test_its_price_must_fall_to_what_it_is_worth(table):
    row = table[table["what"] == "agreement"].iloc[0]
    prices = [3 * discount(t) + 0.125 * sum(discount(u) for u in range(t, 12)) for t in range(2, 12)]
    assert min(abs(row["price_musd"] - price) for price in prices) < 1e-6
    assert row["change_musd"] == pytest.approx(row["price_musd"] - row["worth_musd"])


def test_decisions_on_the_agreement_are_set_aside_and_others_kept(tiny):
    other = {**EMBASSY, "id": "other"}
    rules = [
        {"id": "mine", "do": "forbid", "what": "agreement", "agreements": ["embassy"]},
        {"id": "both", "do": "forbid", "what": "agreement"},
        {"id": "host", "do": "require", "what": "open"},
    ]
    kept = decided(tiny(agreements=[EMBASSY, other], decisions=rules), "require", "embassy").decisions
    assert [(d.id, d.agreements) for d in kept] == [
        ("both", ["other"]), ("host", None), ("require-embassy", ["embassy"])]  # fmt: skip


def test_small_amounts_are_not_rounded_away():
    told = negotiation_rows(rows_of()).iloc[0]
    assert (told["worth, MUSD"], told["price, MUSD"]) == ("0.912", "1")
    assert told["must fall by, MUSD"] == "0.0875 to 0.09"


def test_what_moves_nothing_cannot_be_told_apart(table):
    """A licence of three months is out of the way long before the grid is there; keys and operator are at home already."""
    row = table[table["what"] == "licence"].iloc[0]
    assert row["low_musd"] <= 0 <= row["high_musd"] and not row["told_apart"]
    told = negotiation_rows(table)
    assert told.loc[told["concession"] == "a month of licence", "worth, MUSD"].tolist() == [
        "not distinguishable"
    ]
    assert "operator" not in set(table["what"])


@pytest.mark.untraced
def test_a_thousand_of_quota_is_worth_the_place_it_opens(tiny, plain_catalog):
    """Of 800 accelerators 400 may be bought for the cheap place: with the rest there too, the dear one is not needed."""
    plain = tiny().model_dump(mode="json", exclude_none=True, by_alias=True)
    site, host = plain["sites"][0], plain["hosts"][0]
    scenario = tiny(
        sites=[site, {**site, "id": "north", "metro": "KR-SEO", "elec_price_usd_per_mwh": 40}],
        hosts=[host, {**host, "id": "cheap", "site": "north"}],
        limits={"max_delay_months": 12},
        supply={**plain["supply"], "quotas": [
            {"id": "few", "hosts": ["cheap"], "unit": "accelerators", "per": "total",
             "path": [{"from": "2027-01-01", "accelerators": 400}]}]},
    )  # fmt: skip
    table = negotiation_table(scenario, "quick", plain_catalog(), whats=("quota",))
    row = table.iloc[0]
    assert (row["what"], row["item"]) == ("quota", "few") and row["told_apart"] and row["worth_musd"] > 0


@pytest.mark.untraced
def test_an_agreement_without_which_there_is_no_plan_has_no_limit(tiny, plain_catalog):
    scenario = tiny(
        supply={"owner_allocations": False, "licence": {"mode": "required", "lead_months": 12}},
        agreements=[
            {"id": "deal", "kind": "technology-deal", "partner": "USA", "lead_months": 3, "licence_months": 3}
        ],
    )
    table = negotiation_table(scenario, "quick", plain_catalog(), whats=("agreement",))
    assert np.isinf(table.iloc[0]["worth_musd"]) and table.iloc[0]["change_musd"] == 0
    assert negotiation_rows(table)["worth, MUSD"].tolist() == ["no plan without it"]


def rows_of(*more) -> pd.DataFrame:
    """An agreement of 0.91 MUSD that costs 1, and more rows like it."""
    row = {"what": "agreement", "item": "e", "unit": "", "status": "found", "worth_musd": 0.9123, "low_musd": 0.91,
           "high_musd": 0.9125, "told_apart": True, "price_musd": 1.0, "change_musd": 0.0877, "change_low_musd": 0.0875,
           "change_high_musd": 0.09, "rounding_musd": 0.0}  # fmt: skip
    return pd.DataFrame([row, *({**row, **one} for one in more)], columns=negotiation.COLUMNS)


def test_it_is_told_what_makes_an_agreement_the_choice():
    dear = negotiation_told(rows_of())
    assert dear == ["e is not the choice at 1 MUSD: its price must fall by 0.0875 to 0.09 MUSD."]
    terms = {"what": "terms", "item": "e: keys", "low_musd": 1.2, "worth_musd": 1.3, "high_musd": 1.3}
    other = {"what": "terms", "item": "e: law"}
    assert negotiation_told(rows_of(terms, other)) == [
        f"{dear[0]} At its price it would be the choice with these at home: keys."
    ]
    assert negotiation_told(rows_of(other)) == [
        f"{dear[0]} Keys, operator or law at home do not make it the choice at its price."
    ]
    pays, waits = {"item": "f", "price_musd": 0.9}, {"item": "g", "price_musd": 0.911}
    nothing = {"item": "h", "worth_musd": -3.0, "low_musd": -4.0, "high_musd": -2.0, "rounding_musd": 2.0}
    told = negotiation_told(rows_of(pays, waits, nothing).assign(rounding_musd=14.5))
    assert told[1:] == [
        "f pays: it is worth 0.91 to 0.912 MUSD and costs 0.9.",
        "Whether g pays is open: it is worth 0.91 to 0.912 MUSD and costs 0.911.",
        "h is not the choice at any price: it is worth nothing.",
        t("whatif.told-rounding", musd="14.5"),
    ]


def test_the_picture_has_a_line_a_row_and_leaves_out_what_has_no_end():
    endless = {"item": "f", "worth_musd": np.inf, "low_musd": np.inf, "high_musd": np.inf}
    same = {
        "what": "quota",
        "item": "q",
        "worth_musd": 0.0,
        "low_musd": 0.0,
        "told_apart": False,
        "price_musd": np.nan,
    }
    figure = worth(rows_of(endless, same))
    by_name = {trace.name: trace for trace in figure.data}
    assert list(by_name[t("whatif.mark.apart")].x) == [0.9123]
    assert list(by_name[t("whatif.mark.same")].error_x.array) == pytest.approx([0.9125])
    assert list(by_name[t("whatif.mark.price")].x) == [1.0]


@pytest.mark.untraced
def test_what_a_plan_may_leave_is_worth_nothing_where_no_plan_can_be_told_apart(tiny, plain_catalog):
    """A quota that no order fills; the search ends at its hosts and stacks, and the interval still holds its worth."""
    ample = {
        "id": "ample",
        "unit": "accelerators",
        "per": "total",
        "path": [{"from": "2027-01-01", "accelerators": 5000}],
    }
    scenario = tiny(limits={"max_delay_months": 12}, supply={"owner_allocations": False, "quotas": [ample]})
    row = negotiation_table(scenario, "quick", plain_catalog(), whats=("quota",)).iloc[0]
    assert row["status"] == "found" and row["worth_musd"] == row["low_musd"] == 0
    assert not row["told_apart"] and np.isnan(row["plans_musd"])


@pytest.mark.untraced
def test_own_law_and_the_quota_of_an_unsigned_agreement_have_rows(tiny, plain_catalog):
    plain = tiny().model_dump(mode="json", exclude_none=True, by_alias=True)
    deal = {
        "id": "dear",
        "kind": "technology-deal",
        "partner": "USA",
        "sign_musd": 500,
        "quota": {"accelerators": 100},
    }
    scenario = tiny(
        hosts=[{**plain["hosts"][0], "attributes": {"law": "mixed"}}],
        limits={"max_delay_months": 12},
        agreements=[deal],
    )
    table = negotiation_table(scenario, "quick", plain_catalog(), whats=("quota", "law"))
    assert {("quota", "dear"), ("law", plain["hosts"][0]["id"])} <= set(
        zip(table["what"], table["item"], strict=True)
    )


def test_a_scenario_without_a_plan_says_why_and_what_would_mend_it(tiny, plain_catalog):
    with pytest.raises(
        NoPlan, match=r"has no plan \(infeasible\): control of at least 99 is asked; .*; lower"
    ):
        negotiation_table(tiny(limits={"min_control": 99}), "quick", plain_catalog())


def asked_of(scenario: Scenario, catalog: Catalog, what: str) -> list[Concession]:
    """Concessions of one kind beside a plan that signs nothing."""
    plan: Any = SimpleNamespace(
        case=build_case(scenario, catalog), tables={"agreements": pd.DataFrame({"e": []})}
    )
    return concessions(Asked(scenario, catalog), plan, (what,))


@pytest.mark.parametrize(("lead", "months"), [(1, 1.0), (2.5, 2.5), (9, 3.0)])
def test_a_month_of_licence_is_by_the_months_taken_off(tiny, plain_catalog, lead, months):
    """A quarter sooner; a licence that takes less is had at once, and no more than it takes is taken off."""
    supply = {"owner_allocations": False, "licence": {"mode": "required", "lead_months": lead}}
    (row,) = asked_of(tiny(supply=supply), plain_catalog(), "licence")
    assert row.per == months
    assert row.case().offers["licence_months"].max() == lead - months


def test_where_licences_differ_a_month_is_by_the_most_taken_off(tiny, plain_catalog):
    """One host waits a month by an agreement that stands, which is not changed; the other waits two months."""
    plain = tiny().model_dump(mode="json", exclude_none=True, by_alias=True)
    host = plain["hosts"][0]
    stands = {
        "id": "stands",
        "kind": "technology-deal",
        "partner": "USA",
        "optional": False,
        "licence_months": 1,
    }
    changes = {
        "hosts": [host, {**host, "id": "other"}],
        "supply": {"owner_allocations": False, "licence": {"mode": "required", "lead_months": 2}},
    }
    some = tiny(**changes, agreements=[{**stands, "covers": {"hosts": [host["id"]]}}])
    assert [row.per for row in asked_of(some, plain_catalog(), "licence")] == [2.0]
    three = {"owner_allocations": False, "licence": {"mode": "required", "lead_months": 6}}
    assert not asked_of(tiny(**{**changes, "supply": three}, agreements=[stands]), plain_catalog(), "licence")


@pytest.mark.untraced
def test_terms_change_no_offer_that_the_agreement_does_not_cover():
    """A loan covers none; a share of a hub covers the hub, although others too are run from abroad."""

    scenario = with_overrides(
        load_scenario(example_path("kenya-agreements")), {"horizon.step": "year", "solve.slices": 1}
    )
    rows = asked_of(scenario, scenario.catalog, "terms")
    assert {row.agreement for row in rows} == {"hub"}
    for row in rows:
        case = row.case()
        assert set(case.opened["h"]) == {"hub-johannesburg"}


def test_a_partner_without_a_place_has_no_terms(tiny, plain_catalog):
    plain = tiny().model_dump(mode="json", exclude_none=True, by_alias=True)
    host = {**plain["hosts"][0], "attributes": {"operator": "foreign"}}
    recognised = {"id": "recognised", "kind": "certificate-recognition", "partner": "NOR"}
    scenario = tiny(hosts=[host], control={"floors": {"public": 2}}, agreements=[recognised])
    assert not asked_of(scenario, plain_catalog(), "terms")


def test_it_is_said_that_nothing_can_be_asked():
    assert negotiation_told(pd.DataFrame(columns=negotiation.COLUMNS)) == [t("whatif.told-nothing")]
