"""Several agreements at once: in parts they give what they give in one, and only what is under one ends with it."""

from __future__ import annotations

from typing import Any

import pytest

from planner.case.agreements import TABLES, shared_sources
from planner.case.build import build_case
from planner.case.continuity import orders_ended

pytestmark = pytest.mark.untraced

DEAL = {"id": "deal", "kind": "technology-deal", "partner": "USA", "lead_months": 3, "sign_musd": 0, "musd_per_year": 0,
        "licence_months": 3}  # fmt: skip
SLOW = {"owner_allocations": False, "licence": {"mode": "required", "lead_months": 30}}
ALL = ("open", "use", "halls", "sign")


def first(tiny: Any, name: str) -> dict[str, Any]:
    plain: dict[str, Any] = tiny().model_dump(mode="json", exclude_none=True, by_alias=True)[name][0]
    return plain


def steps(at: str, accelerators: float) -> dict[str, Any]:
    points = [{"at": "2027-01-01", "value": 0}, {"at": at, "value": accelerators}]
    return {"by": "accelerators", "shape": "step", "points": points}


def parts_of_a_deal(tiny: Any) -> list[dict[str, Any]]:
    """All is ordered under quotas that end, and service with them, at the end of 2028."""

    def deals(*quotas: float) -> list[dict[str, Any]]:
        return [{**DEAL, "id": f"d{i}", "quota": {"accelerators": q}, "end": "service", "until": "2028-12-31"}
                for i, q in enumerate(quotas)]  # fmt: skip

    asked = {"must_serve_by": None, "optional": True, "may_lapse": True}
    same = {"supply": SLOW, "demand": asked, "limits": {"max_delay_months": 24.1}}
    return [{**same, "agreements": deals(*quotas)} for quotas in ((800,), (200, 600))]


def one_embassy_or_two(tiny: Any) -> list[dict[str, Any]]:
    """Two classes abroad, 400 accelerators each, on what was ordered before the embassies ended."""
    site, host, work = (first(tiny, name) for name in ("sites", "hosts", "demand"))
    same = {
        "sites": [site, {**site, "id": "tokyo", "metro": "JP-TYO", "elec_price_usd_per_mwh": 40}],
        "hosts": [{**host, "max_it_mw": 0.1}, {**host, "id": "there", "site": "tokyo"}],
        "demand": [
            {**work, "id": i, "data_class": c, "must_serve_by": "2029-09-30", "size": steps(at, 400)}
            for i, c, at in (("a", "public", "2028-01-01"), ("b", "official", "2029-07-01"))
        ],
        "limits": {"max_delay_months": 12},
    }

    def embassy(i: str, *classes: str) -> dict[str, Any]:
        return {"id": i, "kind": "data-embassy", "partner": "JPN", "lead_months": 3, "sign_musd": 0, "musd_per_year": 0,
                "end": "orders", "until": "2028-06-30", "covers": {"classes": list(classes)}}  # fmt: skip

    return [{**same, "agreements": agreements} for agreements in (
        [embassy("both", "public", "official")], [embassy("e1", "public"), embassy("e2", "official")])]  # fmt: skip


def covers_of_one_source(tiny: Any) -> list[dict[str, Any]]:
    """A loan without interest for one year: drawn up to the cover, in one part, in two, and beside one that is too dear."""
    bank = {"id": "bank", "optional": True, "kind": "export-credit", "assets": ["servers"], "until": "2028-12-31",
            "tenor_years": 1, "base_rate_per_year": 0.0, "margin_per_year": 0, "premium_share": 0.0}  # fmt: skip

    def cover(i: str, amount: float, price: float) -> dict[str, Any]:
        return {"id": i, "kind": "export-credit", "lead_months": 0, "sign_musd": price, "musd_per_year": 0,
                "amount_musd": amount, "covers": {"sources": ["bank"]}}  # fmt: skip

    same = {"finance": {"sources": [bank]}, "limits": {"max_delay_months": 12}}
    return [{**same, "agreements": agreements} for agreements in (
        [cover("one", 20, 0)], [cover("c1", 8, 0), cover("c2", 12, 0)],
        [cover("one", 20, 0), cover("dear", 1, 100)])]  # fmt: skip


@pytest.mark.parametrize(
    ("least", "of"),
    [
        ("delay", parts_of_a_deal), ("cost", one_embassy_or_two), ("cost", covers_of_one_source),
    ],
)  # fmt: skip
def test_cases_that_are_one_have_the_same_best_plan(tiny, plain_catalog, optimise, least, of):
    catalog = plain_catalog(
        {("countries", "JPN", "it_import_duty_pct"): 0, ("countries", "KOR", "it_import_duty_pct"): 0}
    )
    best = [optimise(tiny(**changes), catalog, least, integer=ALL).objective for changes in of(tiny)]
    assert best[1:] == pytest.approx([best[0]] * (len(best) - 1), rel=1e-9)


def test_only_what_was_ordered_under_an_agreement_may_lapse_with_it(tiny, plain_catalog):
    """Work of the offers it covers may end with it by a row of its own: what is ordered under it, and no more."""
    work = {**first(tiny, "demand"), "must_serve_by": None}
    dear = {
        **DEAL,
        "end": "service",
        "until": "2028-12-31",
        "sign_musd": 500,
        "duties": {"least_accelerators": 8},
    }
    case = build_case(
        tiny(demand=[{**work, "size": steps("2028-01-01", 800)}], agreements=[dear]), plain_catalog()
    )
    assert len(case.lapses) and set(case.lapses["t"]) == {8}  # the first quarter after 2028
    ended = orders_ended(case)
    for h, a, k, t in set(zip(*(case.lapses[c] for c in ("h", "a", "k", "t")), strict=True)):
        assert case.losses.at[(h, a, k, t), "working_k"] == 0.0
        assert set(ended.loc[ended["h"] == h, "live"]) <= set(range(t))
    assert set(ended["e"]) == {"deal"}


def test_sources_that_share_a_cover_are_capped_together():
    rows = [("x", "bank"), ("y", "bank"), ("y", "fund"), ("z", "other")]
    table = TABLES["sources_under"].frame(rows)
    assert set(shared_sources(table)) == {("bank",), ("fund",), ("other",), ("bank", "fund")}


@pytest.mark.parametrize("later", [1, 200])
def test_a_later_agreement_counts_only_once_it_is_signed(tiny, plain_catalog, optimise, later):
    """Two embassies open one place abroad, the second dear and a year longer: unsigned, it brings no servers there."""
    site, host = first(tiny, "sites"), first(tiny, "hosts")
    catalog = plain_catalog(
        {("countries", "JPN", "it_import_duty_pct"): 0, ("countries", "KOR", "it_import_duty_pct"): 0}
    )

    def embassy(i: str, until: str, musd: float) -> dict[str, Any]:
        return {"id": i, "kind": "data-embassy", "partner": "JPN", "lead_months": 3, "sign_musd": musd, "end": "orders",
                "musd_per_year": 0, "until": until, "covers": {"classes": ["public"]}}  # fmt: skip

    abroad = {**site, "id": "tokyo", "metro": "JP-TYO", "elec_price_usd_per_mwh": 40}
    scenario = tiny(
        sites=[{**site, "elec_price_usd_per_mwh": 900}, abroad],
        hosts=[host, {**host, "id": "there", "site": "tokyo"}],
        demand={"must_serve_by": None, "size": {"by": "accelerators", "shape": "step", "points": [
            {"at": "2027-01-01", "value": 0}, {"at": "2028-01-01", "value": 400}, {"at": "2029-07-01", "value": 800}]}},
        limits={"max_delay_months": 12},
        agreements=[embassy("soon", "2028-06-30", 0), embassy("long", "2029-06-30", later)],
    )  # fmt: skip
    found = optimise(scenario, catalog, integer=ALL)
    signed = {e for e, _ in found.used("sign")}
    orders = found.case.orders["order_t"]
    late = {i[0] for i in found.used("order") if orders[i] >= 6}
    assert (signed, late) == (({"soon", "long"}, {"there"}) if later == 1 else ({"soon"}, {"champion"}))


def test_a_least_amount_counts_what_runs_for_a_year(tiny, plain_catalog, optimise):
    """Idle servers that are bought in the last quarter for their resale would keep it at next to no cost."""
    work = first(tiny, "demand")
    deal = {**DEAL, "quota": {"accelerators": 2000}, "duties": {"least_accelerators": 1000}}
    scenario = tiny(demand=[work], supply=SLOW, agreements=[deal], limits={"max_delay_months": 24.1})
    case = build_case(scenario, plain_catalog())
    assert (case.unders["counts"] == (case.unders["t"] <= 8)).all()
    found = optimise(case, integer=ALL)
    by = {t: 0.0 for _, _, _, _, t in found.used("under")}
    for (*_, t), k in found.used("under").items():
        by[t] += k
    assert sum(k for t, k in by.items() if t <= 8) >= 1 - 1e-9
