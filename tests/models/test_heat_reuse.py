"""Heat that is sold, by hand: what is given, what it costs and fetches, and the share that a law asks for.

Eight tenths of the heat of the loop can be given; recovery costs 0.5 MUSD per MW after six months, a taker pays 50 USD/MWh.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from planner.audit import audit
from planner.case.build import build_case
from planner.facts.catalog import Catalog
from planner.planning.pipeline import solve

pytestmark = pytest.mark.untraced

AIR, LIQUID, RECOVERY = "air-chilled-water", "direct-to-chip", "heat-recovery"
SHARE, PUE = 0.8, 1.2
RULES = ("reuse_source", "reuse_capacity", "heat_taker", "heat_reuse_floor")
FACTS: dict[tuple[str, Any, str], Any] = {
    ("parameters", "heat_recovery_share", "value_mid"): SHARE,
    **{("cooling", LIQUID, column): value for column, value in (("pue_a", PUE), ("pue_b_per_k", 0.0))},
}


@pytest.fixture(scope="module")
def facts(plain_catalog: Callable[..., Catalog]) -> Catalog:
    return plain_catalog(FACTS)


@pytest.fixture(scope="module")
def lawful(plain_catalog: Callable[..., Catalog]) -> Catalog:
    """The German law in Korea; its second step begins in period 5, its third after the plan."""
    days = {"deu-heat-2026": "2026-07-01", "deu-heat-2027": "2028-04-01", "deu-heat-2028": "2035-01-01"}
    rows = {("heat_rules", rule, "iso3"): "KOR" for rule in days}
    return plain_catalog(
        {**FACTS, **rows, **{("heat_rules", r, "begins_from"): day for r, day in days.items()}}
    )


@pytest.fixture(scope="module")
def place(tiny: Callable[..., Any]) -> Callable[..., Any]:
    """A host of racks cooled by liquid, 85 % of their heat in the loop, with a taker near."""

    def make(hosts: Any = None, system: str = "mi355x-8", demand: Any = None, **heat: Any) -> Any:
        taker = {"max_mw": 20, "usd_per_mwh": 50, "musd_per_mw": 0.5, "lead_months": 6, **heat}
        return tiny(
            sites={"heat": taker},
            systems={"id": system},
            hosts={"cooling": [AIR, LIQUID], **(hosts or {})},
            demand=demand or {},
        )

    return make


def energy(answer: Any) -> tuple[pd.Series, pd.Series, pd.Series]:
    """By calendar year: MWh drawn at the PUE, MWh in loops, MWh of heat given."""
    hours, year = answer.case.slices["hours"], answer.case.periods["year"]
    heat = answer.values("heat")
    rows = pd.DataFrame(list(heat.index), columns=["h", "c", "m", "t", "s"]).assign(mw=heat.to_numpy())
    rows["mwh"] = rows["mw"] * [float(hours[key]) for key in zip(rows["t"], rows["s"], strict=True)]
    rows["year"] = rows["t"].map(year)
    given = answer.values("reused")
    sold = pd.DataFrame(list(given.index), columns=["h", "t", "s"]).assign(mw=given.to_numpy())
    sold["mwh"] = sold["mw"] * [float(hours[key]) for key in zip(sold["t"], sold["s"], strict=True)]
    return (
        PUE * rows.groupby("year")["mwh"].sum(),
        rows[rows["m"] == "liquid"].groupby("year")["mwh"].sum(),
        sold.groupby(sold["t"].map(year))["mwh"].sum(),
    )


def test_without_a_taker_nothing_is_added(tiny, lawful, optimise):
    """No row, no column, and no law: it is waived where nobody takes the heat."""
    answer = optimise(tiny(), lawful)
    assert not any(answer.arrays.rows[name].size for name in RULES if name in answer.arrays.rows)
    assert not answer.arrays.columns[
        "reused"
    ].size and RECOVERY not in answer.case.cooling.index.get_level_values(1)


def test_heat_is_sold_where_it_pays_and_not_where_it_does_not(place, facts, optimise):
    """All that can be given in a year of 50 USD/MWh pays for itself; at no price nothing is recovered."""
    sells = optimise(place(), facts)
    drawn, loops, given = energy(sells)
    assert loops[2029] == pytest.approx(0.85 * drawn[2029] / PUE)
    assert given[2029] == pytest.approx(SHARE * loops[2029])
    entries = sells.entries[sells.entries["account"] == "heat-sold"]
    amount = sells.values("reused").to_dict()
    paid = sum(musd * amount[key] for musd, key in zip(entries["musd"], entries["index"], strict=True))
    assert paid == pytest.approx(-50e-6 * given.sum())
    assert not optimise(place(usd_per_mwh=0), facts).used("reused")


def test_a_taker_takes_so_much_and_only_in_its_months(place, facts, optimise):
    """0.2 MW from October to March: two quarters of the year."""
    answer = optimise(place(max_mw=0.2, months=[10, 11, 12, 1, 2, 3]), facts)
    given = answer.used("reused")
    assert {t % 4 for _, t, _ in given} == {0, 3}
    assert list(given.values()) == pytest.approx([0.2] * len(given))
    half = optimise(place(max_mw=0.2, months=[1], usd_per_mwh=1000), facts).used("reused")
    assert {t % 4 for _, t, _ in half} == {0} and list(half.values()) == pytest.approx([0.2 / 3] * len(half))


def test_nobody_takes_heat_before_its_day(place, facts, optimise):
    answer = optimise(place(**{"from": "2029-01-01"}), facts)
    assert min(t for _, t, _ in answer.used("reused")) == 8
    assert min(t for _, c, t in answer.case.cooling.index if c == RECOVERY) == 8


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_a_stated_share_is_kept_where_heat_earns_nothing(place, facts, optimise, share):
    """Just so much is given, of the energy drawn; recovery is as large as that."""
    drawn, _, given = energy(optimise(place(usd_per_mwh=0, least_share=share), facts))
    assert given[2029] == pytest.approx(share * drawn[2029])


def test_a_law_binds_by_the_day_a_place_begins(place, lawful, optimise):
    """10 % of one that opens before the second step, 15 % of one that opens after it; a share of 0 lifts the law."""
    for lead, day, share in ((0, "2028-01-01", 0.10), (6, "2028-07-01", 0.15)):
        asked = {"hosts": {"open_lead_months": lead}, "demand": {"must_serve_by": day}}
        answer = optimise(place(usd_per_mwh=0, **asked), lawful)
        (opened,) = [t for _, t in answer.used("open")]
        assert (opened < 5) == (lead == 0)
        drawn, _, given = energy(answer)
        assert given[2029] == pytest.approx(share * drawn[2029])
    assert not optimise(place(usd_per_mwh=0, least_share=0), lawful).used("reused")


def test_a_law_counts_from_the_period_its_day_falls_in(place, plain_catalog):
    rule = "deu-heat-2026"
    day = {("heat_rules", rule, "iso3"): "KOR", ("heat_rules", rule, "begins_from"): "2028-05-20"}
    floors = build_case(place(), plain_catalog({**FACTS, **day})).reuse_floors.reset_index()
    assert set(floors["begun_t"]) == {5} and floors["t"].min() == 5


@pytest.mark.parametrize(
    ("token", "share"), [(0.0, 0.15), (100.0, 0.14375), (800 / 3, 0.4 / 3), (400.0, 0.125)]
)
def test_what_ran_before_a_law_owes_the_one_before_and_the_rest_the_new(
    place, lawful, optimise, token, share
):
    """Of 800 accelerators from period 6 a part runs from period 4: it owes 10 %, the rest 15 %.

    (10 x 100 + 15 x 700) / 800 = 14.375; (10 + 2 x 15) / 3 = 13.33; (10 + 15) / 2 = 12.5. To open early frees nothing.
    """
    points = [
        {"at": "2027-01-01", "value": token},
        {"at": "2028-06-30", "value": token},
        {"at": "2028-07-01", "value": 800},
    ]
    demand = {"size": {"points": points}, "must_serve_by": "2028-07-01" if not token else "2028-01-01"}
    case = build_case(place(usd_per_mwh=0, hosts={"open_lead_months": 0}, demand=demand), lawful)
    early = ("open", ("champion", int(case.opens["t"].min())))
    answer = optimise(case, bounds={early: (1, 1)})
    drawn, _, given = energy(answer)
    assert early[1][1] < 5
    assert given[2029] == pytest.approx(share * drawn[2029], rel=1e-3)


def test_a_place_without_liquid_loops_is_not_offered(place, lawful, tiny):
    case = build_case(place(hosts={"cooling": [AIR]}, system="hgx-b300"), lawful)
    assert not len(case.offers) and "reused" in " ".join(case.why_not["detail"])


@pytest.mark.parametrize("kept", [1.0, 0.97])
def test_the_audit_adds_up_the_laws_itself(place, lawful, finds, kept):
    """Half runs before the second day: 12.5 % is owed, and 97 % of that is too little."""
    points = [{"at": "2027-01-01", "value": 400}, {"at": "2028-06-30", "value": 400},
              {"at": "2028-07-01", "value": 800}]  # fmt: skip
    asked = {
        "hosts": {"open_lead_months": 0},
        "demand": {"size": {"points": points}, "must_serve_by": "2028-01-01"},
    }
    found = solve(build_case(place(usd_per_mwh=0, **asked), lawful), quality="quick").plan
    given = found.tables["reuse"]
    less = found.tables | {"reuse": given.assign(reused_mw=given["reused_mw"] * kept)}
    assert finds("heat-reuse-floor", replace(found, tables=less)) == (kept < 1)


@pytest.fixture(scope="module")
def plan(place, lawful):
    found = solve(build_case(place(max_mw=0.9), lawful), quality="quick").plan
    assert len(found.tables["reuse"]) and audit(found).empty
    return found


@pytest.mark.parametrize("owed", [False, True])
def test_service_waits_for_recovery_only_where_a_share_is_owed(place, facts, owed):
    """It is there two years later than all else; with a share owed nothing may be drawn before."""
    asked = {"lead_months": 24, "usd_per_mwh": 200, "demand": {"must_serve_by": "2029-01-01"}}
    case = build_case(place(**asked, **({"least_share": 0.1} if owed else {})), facts)
    found = solve(case, quality="quick").plan
    (place_row,) = found.tables["openings"].itertuples()
    assert (RECOVERY in str(place_row.chain)) == owed
    assert audit(found).empty


@pytest.mark.parametrize(("rule", "name", "change"), [
    ("reuse-capacity", "cooling", lambda d: d[d["c"] != RECOVERY]),
    ("reuse-source", "reuse", lambda d: d.assign(reused_mw=d["reused_mw"] * 50)),
    ("heat-taker", "reuse", lambda d: d.assign(reused_mw=d["reused_mw"] * 50)),
    ("heat-reuse-floor", "reuse", lambda d: d.iloc[:0]),
    ("reuse-known", "reuse", lambda d: d.assign(t=99)),
    ("reuse-hours", "reuse", lambda d: d.assign(hours=d["hours"] * 2)),
    ("ledger-entry", "ledger", lambda d: d.assign(musd=d["musd"].where(d["account"] != "heat-sold", 0.0))),
])  # fmt: skip
def test_the_audit_finds_what_is_wrong(plan, finds, rule, name, change):
    assert finds(rule, replace(plan, tables={**plan.tables, name: change(plan.tables[name].copy())}))
