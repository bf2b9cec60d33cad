"""Storage that fades against arithmetic by hand, a published curve, and what an optimiser would make of it.

The place of ``test_storage.py``: storage bought in period 4 of 12 quarters, 4 hours of power, 1.92 MW in the design hour.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from planner.audit import audit
from planner.case import plant
from planner.case import storage as storages
from planner.case.build import build_case
from planner.case.fading import holds
from planner.facts.catalog import Catalog, load_catalog
from planner.facts.errors import MissingFact
from planner.finance.from_plan import finance_of
from planner.finance.settle import settle
from planner.planning.pipeline import solve
from planner.scenario.schema import Scenario

pytestmark = pytest.mark.untraced

DESIGN_MW, DAY, EVEN = 1.92, [50.0] * 12 + [200.0] * 12, [100.0] * 24
CELLS, FIRST, LAST = "battery-4h-2026", 4, 11
FADES = {"fade_pct_per_year": 2, "fade_pct_per_cycle": 0.004, "cycles_per_year": 500, "end_of_life_pct": 70}
FADE = 0.02 + 0.00004 * 500
"""Of its energy as new, a year."""


def storage(**more: Any) -> dict[str, Any]:
    return {"id": CELLS, "capex_usd_per_kw": 100, "lead_months": 6, "permit_months": 3, "forced_outage_pct": 0,
            "round_trip_pct": 85, **FADES, **more}  # fmt: skip


def left(t: int, live: int = FIRST, fade: float = FADE) -> float:
    """Share held at the end of quarter ``t``."""
    return 1.0 - fade * (t + 1 - live) / 4


@pytest.fixture(scope="module")
def facts(plain_catalog: Callable[..., Catalog]) -> Catalog:
    return plain_catalog()


@pytest.fixture(scope="module")
def place(tiny: Callable[..., Scenario]) -> Callable[..., Scenario]:
    """place(option, day=prices, **changes) -> the tiny scenario with this storage."""

    def make(option: dict[str, Any], day: list[float] = DAY, **changes: Any) -> Scenario:
        price = {"elec_price_usd_per_mwh": None, "tariff": {"energy_usd_per_mwh_by_hour": day}}
        return tiny(sites={**price, "power": {"options": [option]}, **changes.pop("site", {})}, **changes)

    return make


def bought(mw: float, t: int = FIRST) -> dict[Any, Any]:
    return {"plant": (0, 0), "bridge": (0, 0), ("plant", ("champion", CELLS, t)): (mw, mw)}


def test_it_holds_less_with_every_period_until_the_end(place, facts, optimise):
    answer = optimise(build_case(place(storage()), facts), bounds=bought(0.1))
    for t in range(FIRST, LAST + 1):
        full = answer.values("level")["champion", CELLS, t]
        assert float(full.max()) == pytest.approx(0.1 * 4 * left(t))


@pytest.mark.parametrize(("hours", "counts"), [(2, 0.2 * 0.5 * left(LAST)), (4, 0.2 * left(LAST)), (8, 0.2)])
def test_what_is_firm_is_what_it_still_holds_for_an_event(place, facts, optimise, hours, counts):
    """Lines must carry what it has lost by the last period; twice the hours of an event leave room to fade."""
    case = build_case(place(storage(storage_hours=hours), day=EVEN), facts)
    answer = optimise(case, bounds=bought(0.2))
    assert sum(answer.used("connect").values()) == pytest.approx(DESIGN_MW - counts)


@pytest.mark.parametrize("cycles", [100, 300])
def test_no_more_cycles_than_are_warranted_in_any_period_the_last_one_too(place, facts, optimise, cycles):
    """A day would take 365; what is given in a quarter is a quarter of the year's cycles of what is held then."""
    fade = 0.02 + 0.00004 * cycles
    case = build_case(place(storage(cycles_per_year=cycles)), facts)
    answer = optimise(case, bounds=bought(0.1))
    for t in range(FIRST, LAST + 1):
        hours = case.slices.loc[t]["hours"]
        gives = answer.values("discharge")["champion", CELLS, t]
        given = float((gives * hours.reindex(gives.index)).sum())
        assert given == pytest.approx(cycles / 4 * 0.1 * 4 * left(t, fade=fade))


def test_it_stands_until_its_last_share_is_left_or_its_life_is_over(place, facts):
    for fade, share, steps in ((10.0, 80, 8), (10.0, 79, 8), (9.9, 80, 8), (4.0, 70, 30), (0.5, 70, 80)):
        option = storage(fade_pct_per_year=fade, fade_pct_per_cycle=0, end_of_life_pct=share)
        assert set(build_case(place(option), facts).plants["life"]) == {steps}


def test_a_buyer_pays_for_what_it_still_holds(place, facts, optimise):
    """Two years old: 40 % of its price, less a tenth a year, of what is left of its energy."""
    case = build_case(place(storage(), finance={"residual": "market"}), facts)
    answer = optimise(case, bounds=bought(1.0))
    entries = answer.entries[answer.entries["index"] == ("champion", CELLS, FIRST)]
    price = float(entries.loc[entries["kind"] == "capex", "musd"].sum())
    fetched = -float(entries.loc[entries["kind"] == "residual", "musd"].iloc[0])
    assert fetched == pytest.approx(price * 0.4 * 0.9**2 * left(LAST))


def test_rented_storage_holds_what_its_contract_names(place, facts, optimise):
    """Its owner makes good what fades, so that nothing is won by contract after contract; cycles are warranted there too."""
    for cycles, a_year in ((100, 100), (500, 365)):  # no more than one a day pays
        option = storage(ways=["rent"], rent_usd_per_kw_month=1, term_months=24, cycles_per_year=cycles)
        case = build_case(place(option), facts)
        answer = optimise(case, bounds={"hire": (0, 0), ("hire", ("champion", CELLS, FIRST)): (0.1, 0.1)})
        for t in range(FIRST, LAST + 1):
            hours, gives = case.slices.loc[t]["hours"], answer.values("discharge")["champion", CELLS, t]
            assert float((gives * hours.reindex(gives.index)).sum()) == pytest.approx(a_year / 4 * 0.1 * 4)


# ---- what an optimiser would do


def test_fading_never_pays(place, facts, optimise):
    """Dearer the faster it fades, the fewer cycles it may run and the sooner it is replaced."""

    def cost(**more: Any) -> float:
        option = storage(**{"fade_pct_per_year": 0, "fade_pct_per_cycle": 0, "cycles_per_year": 9000, **more})
        return float(optimise(place(option, finance={"residual": "market"}), facts).objective)

    none, slow, fast = (cost(fade_pct_per_year=x) for x in (0, 2, 8))
    assert none < slow < fast
    assert none < cost(cycles_per_year=300) < cost(cycles_per_year=100)
    assert fast < cost(fade_pct_per_year=8, end_of_life_pct=95)


def test_what_fades_is_added_to_when_it_is_missed_and_not_before(place, facts, optimise):
    """A grid 0.2 MW too small: what is held carries just that in every quarter, at less cost than all of it at first."""
    site = {"grid_mw": [{"from": "2027-01-01", "mw": DESIGN_MW - 0.2}], "max_it_mw": 5}
    case = build_case(place(storage(capex_usd_per_kw=3000), day=EVEN, site=site), facts)
    answer = optimise(case)
    mw = {t: x for (_, _, t), x in answer.used("plant").items()}
    for t in range(FIRST, LAST + 1):
        assert sum(x * left(t, live) for live, x in mw.items() if live <= t) == pytest.approx(0.2, abs=1e-6)
    at_once = optimise(case, bounds=bought(0.2 / left(LAST)))
    assert sum(mw.values()) <= 0.2 / left(LAST) + 1e-9 and answer.objective < at_once.objective


@pytest.fixture(scope="module")
def plan(place, facts):
    """200 cycles a year: 2.8 % a year, so that 70 % are left after 10.5 years of whole quarters."""
    flexible = {"max_mw": 0.3, "lead_months": 12, "curtailed_hours_per_year": 200}
    power = {"options": [storage(cycles_per_year=200)], "flexible": flexible}
    plan = solve(build_case(place(storage(), site={"power": power}), facts), quality="quick").plan
    assert plan is not None
    return plan


def test_a_plan_that_fades_is_clean_and_tells_what_is_held(plan):
    found = audit(plan)
    assert not len(found), found.to_string()
    table = plan.tables["storage"]
    assert (table["level_mwh"] <= table["holds_mwh"] + 1e-6).all()
    held = table.groupby("t")["holds_mwh"].first()
    bought_in = set(plan.tables["plants"]["t"])
    falls = held.diff().dropna()
    assert len(held) > 2 and all(falls[t] < 0 for t in falls.index if t not in bought_in)


def test_statements_wear_storage_over_the_life_of_its_own_class(plan):
    """Not over the 25 years of engines; whoever states another life has that, and a tenor held to it."""
    project = finance_of(plan.case.scenario, plan.tables).project
    assert project.life_years["batteries"] == 12 and "plant" not in project.life_years
    cells = tuple(x for x in project.spending if x.asset == "batteries")
    worn = settle(replace(project, spending=cells)).depreciation
    assert worn[worn > 0][-1] == pytest.approx(sum(x.musd.sum() for x in cells) / 48)


def test_the_audit_finds_storage_booked_as_plant_that_generates(plan):
    ledger = plan.tables["ledger"].replace({"asset_class": {"batteries": "plant"}})
    assert "ledger-entry" in set(audit(replace(plan, tables={**plan.tables, "ledger": ledger}))["rule"])


def test_what_a_source_may_pay_for_is_not_sold_again_and_all_else_is(place, facts):
    engine = {"id": "gas-engine-dc-2026", "ways": ["buy"], "lead_months": 6, "permit_months": 0}
    grows = {"grid_mw": [{"from": "2027-01-01", "mw": 1}, {"from": "2028-04-01", "mw": 5}]}
    site = {"power": {"options": [storage(), engine]}, **grows}

    def sold(*assets: str) -> set[str]:
        lender = {"id": "bank", "kind": "loan", "optional": True, "assets": list(assets), "amount_m": 5,
                  "base_rate_per_year": 0.05, "margin_per_year": 0.02, "tenor_years": 1,
                  "from": "2027-01-01", "until": "2029-01-01"}  # fmt: skip
        case = build_case(
            place(storage(), site=site, finance={"residual": "market", "sources": [lender]}), facts
        )
        return set(case.bridges.index.get_level_values(1))

    assert sold("halls") == {CELLS, engine["id"]}
    assert sold("plant") == {CELLS} and sold("batteries") == {engine["id"]}


@pytest.mark.parametrize(
    ("topic", "builder", "column", "value"),
    [
        (plant, "plant_table", "fade_per_year", 0.0),
        (plant, "plant_table", "life", 80),
        (storages, "storage_table", "cycles_per_year", 9000.0),
    ],
)  # fmt: skip
def test_a_case_that_misreads_what_fades_is_found(place, facts, monkeypatch, topic, builder, column, value):
    """The plan agrees with its case, and both are wrong: the audit reads scenario and catalog."""
    build = getattr(topic, builder)
    monkeypatch.setattr(topic, builder, lambda *args: build(*args).assign(**{column: value}))
    plan = solve(build_case(place(storage()), facts), quality="quick").plan
    assert plan is not None
    found = audit(plan)
    assert set(found["rule"]) == {"storage-facts"} and set(found["message"]) == {column}


# ---- the catalog's figures


def test_the_catalog_stays_below_the_curve_of_reopt():
    """REopt.jl's defaults (iron phosphate): 1.16e-3 d^0.428 by the day and 2.46e-5 a full cycle, here one a day, kept full.

    Its calendar fade is fast at first: within the first year what is held here is up to half a point more, later never.
    """
    row = load_catalog().table("power_options").loc[CELLS]
    fade = (row["fade_pct_per_year"] + row["fade_pct_per_cycle"] * row["cycles_per_year"]) / 100
    years = np.arange(0.25, (1 - row["end_of_life_pct"] / 100) / fade, 0.25)
    curve = 1 - 1.16e-3 * (365 * years) ** 0.428 - 2.46e-5 * 365 * years
    more = holds(np.full(len(years), fade), years) - curve
    assert more[years < 1].max() < 0.005 and more[years >= 1].max() < 0
    assert 0.70 <= holds(np.array([fade]), np.array([10.0]))[0] <= 0.80  # a first decade takes 20 to 30 %


def test_storage_without_figures_of_fading_is_refused_with_the_field(place, plain_catalog):
    bare = plain_catalog({("power_options", CELLS, "cycles_per_year"): np.nan})
    option = {k: v for k, v in storage().items() if k != "cycles_per_year"}
    with pytest.raises(MissingFact, match="no cycles_per_year of battery-4h-2026: give cycles_per_year"):
        build_case(place(option), bare)
