"""Refits of halls that stand: when they pay, by hand; what they may not do; what is told of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from planner.audit import audit
from planner.case import refits
from planner.case.build import build_case
from planner.case.refits import room_mw
from planner.explain.waits import waits
from planner.facts.numbers import number
from planner.intake.fields import fields
from planner.intake.scenario_file import with_overrides
from planner.planning.pipeline import solve
from planner.plans.milestones import _outages
from planner.report.charts.gantt import gantt, rows
from planner.report.field_labels import label
from planner.solver.solution import Status

AIR, LIQUID = "air-chilled-water", "direct-to-chip"
HOST = {"cooling": [AIR, LIQUID], "standing_halls": "refit", "open_cost_musd": 0}
HALL = {"id": "old", "host": "champion", "it_mw": 2.5, "grid_mw": 20, "backup_mw": 20}
FLEET = {"id": "full", "host": "champion", "stack": "champion-us-chips", "system": "hgx-b300", "accelerators": 1250,
         "since": "2026-01-01", "retire": "2029-01-01"}  # fmt: skip
RACKS = {"id": "gb300-nvl72", "price_usd": 3_000_000, "delivery_months": 6, "available_from": "2026-01-01"}
WORK = {
    "must_serve_by": "2029-01-01",
    "size": {"by": "accelerators", "points": [{"at": "2029-01-01", "value": 720}]},
}
NEEDED_T, N = 4, 6
YEARS = {"horizon": {"start": "2027-01-01", "years": 3, "step": "half-year"}}
NEVER = Status.INFEASIBLE
WHEN = ["lead", "outage", "outage_t"]


@pytest.fixture(scope="module")
def facts(plain_catalog):
    """Racks of which all heat is liquid, 0.1 MW each; cooling takes 6 months and costs 1 MUSD/MW with a hall, as a refit 2
    and 6 months of work; the servers in air draw 2 kW an accelerator."""
    return plain_catalog({
        ("systems", "gb300-nvl72", "liquid_share"): 1, ("systems", "gb300-nvl72", "rack_kw"): 100,
        ("systems", "gb300-nvl72", "peak_kw"): 100, ("systems", "gb300-nvl72", "typical_kw"): 100,
        ("systems", "gb300-nvl72", "idle_kw"): 100,
        ("cooling", LIQUID, "pue_a"): 1.2, ("cooling", LIQUID, "pue_b_per_k"): 0, ("cooling", LIQUID, "life_years"): 20,
        ("cooling", LIQUID, "capex_musd_per_mw_mid"): 1, ("cooling", LIQUID, "lead_months_mid"): 6,
        ("cooling", LIQUID, "refit_musd_per_mw_mid"): 2, ("cooling", LIQUID, "refit_outage_months_mid"): 6,
    })  # fmt: skip


@pytest.fixture(scope="module")
def place(tiny):
    """place(refit={...}, hosts={...}, halls=[...], fleets=[...]): an old hall of room air, and racks that need liquid."""

    def make(refit=None, hosts=None, halls=(HALL,), fleets=(), systems=(RACKS,), **changes):
        named = {s["id"] for s in systems} | {f["system"] for f in fleets}
        return tiny(**{
            **YEARS, "demand": WORK, "systems": [*systems, *({"id": k} for k in named - {s["id"] for s in systems})],
            "hosts": {**HOST, **(hosts or {}), **({"refit": refit} if refit else {})},
            "existing": {"halls": list(halls), "fleets": list(fleets)}, **changes,
        })  # fmt: skip

    return make


def at(t, mw):
    return {("refit", ("champion", LIQUID, t)): (mw, mw)}


# ---- when it pays


@pytest.mark.untraced
def test_a_refit_is_bought_exactly_where_it_costs_less_than_a_hall(place, facts, optimise):
    """At a rate of 0 what is paid is price less residual value, and upkeep; all is live for the last two half-years.

    A modular hall of 2.5 MW at 8 x 1.25 MUSD/MW is used for 2 of its 40 half-years, its upkeep is 2.5 % a year; cooling of
    the racks at 1 MUSD/MW goes with it. A refit lasts no longer than the old hall, 40 half-years from the start: 36.
    """
    free = {"money": {"discount_rate_real": 0}}
    racks_mw = sum(optimise(place(**free), facts).used("refit").values())
    hall, years = 2.5 * 8 * 1.25, (N - NEEDED_T) / 2
    new = hall * 2 / 40 + hall * 0.025 * years + racks_mw * 1.0 * 2 / 40
    threshold = new / (racks_mw * 2 / 36)
    below, above = (optimise(place({"musd_per_mw": threshold * x}, **free), facts) for x in (0.9999, 1.0001))
    assert below.used("refit") == {("champion", LIQUID, NEEDED_T): pytest.approx(racks_mw)}
    assert not below.used("halls") and not below.used("cool")
    assert not above.used("refit") and sum(above.used("halls").values()) == 1
    assert (
        below.objective < above.objective == pytest.approx(below.objective + racks_mw * threshold * 1e-4 / 18)
    )


@pytest.mark.untraced
def test_it_costs_no_more_than_halls_kept_as_built_and_no_less_than_cooling_added_at_will(
    place, facts, optimise
):
    """Where a refit costs as much as cooling does and takes no outage, it is worth as much as adding it at will."""
    costs = {
        kind: optimise(place(hosts={"standing_halls": kind}), facts).objective
        for kind in ("as-needed", "refit", "as-built")
    }
    assert costs["as-needed"] < costs["refit"] < costs["as-built"]
    alike = optimise(place({"musd_per_mw": 1.0, "outage_months": 0}), facts).objective
    assert alike == pytest.approx(
        costs["as-needed"], rel=1e-3
    )  # but for its life, which ends with the hall's


@pytest.mark.untraced
@pytest.mark.parametrize("busy", [False, True], ids=["empty", "half full"])
def test_a_longer_outage_never_costs_less(place, facts, optimise, busy):
    """Beside a fleet of which a part is idle: to switch that off saves nothing, or works would be made to last."""
    base = place().model_dump(mode="json", exclude_none=True, by_alias=True)["demand"][0]
    size = {"by": "accelerators", "points": [{"at": "2027-01-01", "value": 600}]}
    old = {**base, "id": "old", "must_serve_by": "2028-01-01", "size": size}
    fleet = {**FLEET, "accelerators": 800, "retire": "2031-01-01"}
    changes = {"demand": [old, {**base, "optional": False}], "fleets": [fleet]} if busy else {}
    costs = [optimise(place({"outage_months": m}, **changes), facts).objective for m in (0, 6, 12, 18, 24)]
    assert (np.diff(costs) >= -1e-6).all() and costs[-1] > costs[0] + 1.0
    kept = optimise(place(hosts={"standing_halls": "as-built"}, **changes), facts).objective
    assert costs[-1] == pytest.approx(kept)  # too late to be of use


# ---- what it may not do


@pytest.mark.untraced
def test_no_capacity_without_an_outage(place, facts, optimise):
    """A full hall must be emptied of as much as is refitted: of the existing fleet for the months of the work."""
    full = place(fleets=[FLEET])
    case = build_case(full, facts)
    assert case.refits.loc[("champion", LIQUID, NEEDED_T), WHEN].tolist() == [2, 1, 3]
    fixed = {**at(NEEDED_T, 1.0), "halls": (0, 0)}
    answer = optimise(case, bounds=fixed)
    assert {i[3]: v for i, v in answer.used("emptied").items()} == {
        3: pytest.approx(0.5)
    }  # 1 MW at 2 kW each, then alone
    assert answer.values("space_mw").to_list() == [2.5] * N
    warm = {(c, t): mw for (_, c, _, t, s), mw in answer.used("heat").items() if s == "design"}
    assert not any(c == LIQUID for c, t in warm if t < NEEDED_T) and (LIQUID, NEEDED_T) in warm
    assert optimise(case, bounds={**fixed, "emptied": (0, 0)}).status == NEVER


@pytest.mark.untraced
def test_what_was_bought_is_emptied_like_what_was_there(place, facts, optimise):
    """Servers that the plan bought hold their place: as many are out of use as the work takes space of."""
    case = build_case(place(systems=[RACKS, {"id": "hgx-b300"}]), facts)
    early = {("order", ("champion", "champion-us-chips", "hgx-b300", 2)): (1.25, 1.25), "halls": (0, 0)}
    assert optimise(case, bounds=early).status == Status.OPTIMAL
    answer = optimise(case, bounds={**early, **at(NEEDED_T, 1.0)})
    assert {i[2:]: v for i, v in answer.used("emptied").items()} == {("hgx-b300", 3): pytest.approx(0.5)}
    assert optimise(case, bounds={**early, **at(NEEDED_T, 1.0), "emptied": (0, 0)}).status == NEVER


NEWER = {"systems": [{"id": "hgx-b300"}],
         "demand": {**WORK, "size": {"by": "accelerators", "points": [{"at": "2029-01-01", "value": 700}]}}}  # fmt: skip
OLDER = {**FLEET, "system": "hgx-h100", "accelerators": 1900, "retire": "2035-01-01"}


@pytest.mark.untraced
@pytest.mark.parametrize("outage", [0, 6])
def test_no_refit_is_a_leave_to_keep_an_old_fleet_dark(place, facts, optimise, outage):
    """Newer servers that need no other cooling: a refit makes no room for them beside a fleet that fills the hall."""
    none = {"halls": (0, 0), "halls_late": (0, 0)}
    for kind in ("as-needed", "refit"):
        case = build_case(
            place({"outage_months": outage}, {"standing_halls": kind}, fleets=[OLDER], **NEWER), facts
        )
        assert optimise(case, bounds=none).status == NEVER, kind
    refit, as_needed = (
        optimise(place({"outage_months": outage}, {"standing_halls": kind}, fleets=[OLDER], **NEWER), facts)
        for kind in ("refit", "as-needed")
    )
    assert refit.objective >= as_needed.objective - 1e-6 and not refit.used("refit")


def test_a_refit_without_an_outage_puts_nothing_out_of_use(place, facts, optimise):
    case = build_case(place({"outage_months": 0}, fleets=[FLEET]), facts)
    answer = optimise(case, bounds={**at(NEEDED_T, 1.0), "halls": (0, 0)})
    assert answer.status == Status.OPTIMAL and not len(answer.values("emptied"))


def test_two_fleets_share_what_is_refitted(place, facts, optimise):
    """950 and 950 in a hall that they fill: what is out of use of both is one megawatt where one is refitted."""
    fleets = [{**OLDER, "accelerators": 950, "retire": "2029-01-01"},
              {**OLDER, "id": "other", "system": "hgx-h200", "accelerators": 950, "retire": "2029-01-01"}]  # fmt: skip
    case = build_case(place(fleets=fleets), facts)
    answer = optimise(case, bounds={**at(NEEDED_T, 1.0), "halls": (0, 0)})
    out, peak = answer.values("emptied"), case.systems["peak_mw_per_k"]
    mw = sum(float(peak[k]) * v for (_, _, k, t), v in out.items() if t == 3)
    held = sum(float(peak[k]) * 0.95 for k in ("hgx-h100", "hgx-h200"))
    assert held - 1.5 - 1e-6 <= mw <= 1.0 + 1e-6 and set(case.fleet["k"]) >= {"hgx-h100", "hgx-h200"}
    more = {
        ("emptied", index): (0.4, 0.95) for index in out.index if index[3] == 3 and index[2] != "gb300-nvl72"
    }
    assert optimise(case, bounds={**at(NEEDED_T, 1.0), "halls": (0, 0), **more}).status == NEVER


def test_a_longer_outage_never_costs_less_where_the_host_is_too_small_for_a_time(place, facts, optimise):
    """A second hall ends, so that fleets wait in store; energy is dear, and most of the fleet has no work left."""
    base = place().model_dump(mode="json", exclude_none=True, by_alias=True)["demand"][0]
    points = [{"at": "2027-01-01", "value": 1400}, {"at": "2028-01-01", "value": 100}]
    old = {
        **base,
        "id": "old",
        "must_serve_by": "2027-07-01",
        "size": {"by": "accelerators", "points": points},
    }
    changes = {
        "halls": [HALL, {**HALL, "id": "small", "it_mw": 0.6, "until": "2029-06-30"}], "demand": [old, base],
        "fleets": [{**FLEET, "accelerators": 1500, "retire": "2031-01-01"}], "stacks": {"lead_months": 0},
        "sites": {"elec_price_usd_per_mwh": 300},
    }  # fmt: skip
    longer = [build_case(place({"outage_months": m}, **changes), facts) for m in (0, 6, 12, 18)]
    answers = [optimise(case) for case in longer]
    done = [optimise(case, bounds=at(NEEDED_T, 1.0)) for case in longer]
    for each in (answers, done):
        assert (np.diff([a.objective for a in each]) >= -1e-6).all()
    assert (np.diff([a.objective for a in done]) > 1e-3).all() and done[0].values("stored").sum() > 0
    kept = {
        k: optimise(place(hosts={"standing_halls": k}, **changes), facts) for k in ("as-needed", "as-built")
    }
    assert (
        kept["as-needed"].objective <= answers[0].objective
        and answers[-1].objective <= kept["as-built"].objective + 1e-6
    )


@pytest.mark.untraced
def test_cooling_of_a_hall_ends_with_the_hall(place, facts, optimise):
    """Liquid loops of a hall that is gone cool nothing in 2029, and take no room of a refit of the hall that lasts."""
    gone = {**HALL, "id": "gone", "until": "2027-06-30", "cooling": {LIQUID: 2.5}}
    case = build_case(place(halls=[HALL, gone]), facts)
    assert set(case.existing_cooling.reset_index(drop=True)["t"]) == {0}
    none = {"halls": (0, 0), "halls_late": (0, 0)}
    assert optimise(case, bounds={**none, "refit": (0, 0)}).status == NEVER
    assert room_mw(case) == {("champion", LIQUID): 2.5}
    answer = optimise(case, bounds={**none, **at(NEEDED_T, 2.5)})
    assert answer.status == Status.OPTIMAL


@pytest.mark.parametrize(
    ("halls", "bounds", "ok"),
    [
        ([HALL], {**at(3, 1.25), **at(4, 1.25)}, True),
        ([HALL], {**at(3, 1.5), **at(4, 1.5)}, False),  # no space is refitted twice
        ([{**HALL, "cooling": {LIQUID: 1.0}}], at(4, 1.5), True),
        ([{**HALL, "cooling": {LIQUID: 1.0}}], at(4, 1.6), False),  # nor what has the technology
        ([{**HALL, "until": "2029-06-30"}], at(4, 0.5), False),  # nor what is gone before the end
        ([{**HALL, "until": "2029-06-30"}, {**HALL, "id": "new", "it_mw": 1}], at(4, 1.0), True),
        ([{**HALL, "until": "2029-06-30"}, {**HALL, "id": "new", "it_mw": 1}], at(4, 1.1), False),
    ],
)  # fmt: skip
def test_only_space_that_stands_and_lasts_is_refitted_and_once(place, facts, optimise, halls, bounds, ok):
    answer = optimise(place(halls=halls), facts, bounds={**bounds, "halls": (0, 0)})
    assert (answer.status == Status.OPTIMAL) == ok and (ok or answer.status == NEVER)


@pytest.mark.untraced
def test_a_hall_of_the_plan_is_refitted_once_it_stands(place, facts, optimise):
    case = build_case(place(halls=()), facts)
    first_hall = int(case.halls["t"].min())
    assert (case.refits["outage_t"] >= first_hall).all() and int(case.refits["t"].min()) == first_hall + 1
    answer = optimise(case, bounds=at(NEEDED_T, 1.0))
    assert sum(n for (_, _, t), n in answer.used("halls").items() if t <= 3) >= 1
    late = {("halls", index): (0, 0) for index in case.halls.index if index[2] <= 3}
    assert optimise(case, bounds={**at(NEEDED_T, 1.0), **late}).status == NEVER


@pytest.mark.untraced
def test_cooling_comes_with_a_hall_and_no_more_than_fills_it(place, facts, optimise):
    case = build_case(place(hosts={"standing_halls": "as-built"}, halls=()), facts)
    assert not len(case.refits) and set(case.cooling["t"]) <= set(case.halls["t"])
    one = {("halls", index): (float(index[2] == 3),) * 2 for index in case.halls.index}
    cool = ("cool", ("champion", LIQUID, 3))
    assert optimise(case, bounds={**one, cool: (2.5, 2.5)}).status == Status.OPTIMAL
    assert optimise(case, bounds={**one, cool: (2.6, 2.6)}).status == NEVER
    assert optimise(case, bounds={**one, ("cool", ("champion", LIQUID, 4)): (0.1, 0.1)}).status == NEVER


@pytest.mark.untraced
def test_nothing_is_refitted_for_its_residual_value(place, facts, optimise):
    """What is left of a refit is less than its price, whenever it is done, and ends with the hall it is in."""
    air = place({"musd_per_mw": 0.01}, systems=[{"id": "hgx-b300"}])
    assert not optimise(air, facts).used("refit")
    case = build_case(place(), facts)
    answer = optimise(case)
    booked = answer.entries[answer.entries["account"] == "refit"]
    left = -booked[booked["kind"] == "residual"].set_index("index")["musd"]
    assert len(left) == len(case.refits) and (left < case.refits["musd_per_mw"]).all()
    ends = build_case(place(halls=[{**HALL, "until": "2030-12-31"}], hosts={"max_it_mw": 2.5}), facts)
    assert (ends.refits["life"] + ends.refits["t"] == 8).all()  # four years from the start, half-years each
    assert len(build_case(place(halls=[{**HALL, "until": "2029-12-30"}]), facts).refits) == len(
        build_case(place(halls=()), facts).refits
    )  # of the halls of the plan alone


@pytest.mark.untraced
def test_a_work_within_a_long_period_takes_all_of_it(place, facts):
    """Steps are half-years: a work of one, done at the start of 2030, is within 2029, and no later than from its July on."""
    horizon = {
        "start": "2027-01-01",
        "step": [{"step": "half-year", "years": 1}, {"step": "year", "years": 3}],
    }
    case = build_case(place(horizon={**horizon, "years": 4}), facts)
    assert case.refits.loc[("champion", LIQUID, 4), WHEN].tolist() == [2, 1, 3]
    plan = solve(case, quality="quick").plan
    assert plan is not None and audit(plan).empty and len(plan.tables["refits"])


@pytest.mark.parametrize(
    ("step", "steps"), [("quarter", [2, 1]), ("half-year", [1, 1]), ("year", [1, 1]), ("month", [6, 3])]
)
def test_the_wait_and_the_work_are_rounded_to_steps_once(place, facts, step, steps):
    """Three months of each are two quarters, and no more than a half-year or a year."""
    horizon = {"start": "2027-01-01", "years": 3, "step": step}
    case = build_case(place({"lead_months": 3, "outage_months": 3}, horizon=horizon), facts)
    assert case.refits[["lead", "outage"]].drop_duplicates().to_numpy().tolist() == [steps]


# ---- what is told of it


@pytest.fixture(scope="module")
def plan(place, facts, untraced):
    with untraced():
        outcome = solve(build_case(place(fleets=[FLEET]), facts), quality="quick")
    assert outcome.plan is not None, outcome.troubles
    return outcome.plan


def test_the_plan_says_what_is_refitted_when_it_is_empty_and_for_how_much(plan):
    row = plan.tables["refits"].iloc[0]
    days = [str(row[name].date()) for name in ("order_date", "outage_date", "live_date")]
    assert days == ["2028-01-01", "2028-07-01", "2029-01-01"] and row["musd"] == pytest.approx(
        2 * row["added_mw"]
    )
    cooled = plan.tables["cooling"].query("c == @LIQUID and t >= 4")
    assert cooled["capacity_mw"].to_numpy() == pytest.approx(row["added_mw"])
    steps = plan.tables["milestones"].query("kind in ('refit', 'outage')").set_index("kind")
    assert [str(d.date()) for d in steps.loc["outage", ["start_date", "end_date"]]] == days[1:]
    assert [str(d.date()) for d in steps.loc["refit", ["start_date", "end_date"]]] == [days[0], days[2]]
    drawn = {bar.name for bar in gantt(plan.tables["milestones"]).data}
    assert {"Halls refitted", "Out of use for a refit"} <= drawn
    paid = plan.tables["ledger"].query("account == 'refit'").groupby("kind")["musd"].sum()
    assert paid["capex"] == pytest.approx(row["musd"]) and paid["residual"] == pytest.approx(
        -row["musd"] * 34 / 36
    )


def test_what_a_place_waits_for_names_the_refit(place, facts):
    outcome = solve(build_case(place(), facts), quality="quick")
    assert outcome.plan is not None
    assert "the refit of a hall (direct-to-chip)" in " ".join(waits(outcome.plan.case, outcome.plan.tables))


FAULTS = [
    ("refit-allowed", "refits", "t", 0), ("refit-negative", "refits", "added_mw", -1.0),
    ("refit-dates", "refits", "outage_date", pd.Timestamp("2028-10-01")), ("refit-price", "refits", "musd", 0.5),
    ("refit-standing", "refits", "added_mw", 3.0), ("space", "refits", "added_mw", 2.0),
    ("cooling-with-hall", "cooling", "added_mw", 0.5), ("cooling-capacity", "refits", "added_mw", 0.1),
    ("cooling-stock", "cooling", "capacity_mw", 0.1), ("refit-emptied", "refits", "added_mw", 0.1),
]  # fmt: skip


def test_the_audit_finds_a_plan_with_a_refit_clean(plan):
    assert audit(plan).empty, audit(plan).to_string()


@pytest.mark.untraced
@pytest.mark.parametrize(
    ("rule", "table", "column", "value"), FAULTS, ids=[f"{i}-{f[0]}" for i, f in enumerate(FAULTS)]
)
def test_a_tampered_refit_is_found(plan, finds, rule, table, column, value):
    tables = {name: own.copy() for name, own in plan.tables.items()}
    rows = tables[table].query("c == @LIQUID")
    tables[table].loc[rows.index[-1], column] = value
    assert finds(rule, replace(plan, tables=tables))


@pytest.mark.untraced
@pytest.mark.parametrize(
    ("column", "change"),
    [
        ("outage", lambda x: 0 * x),
        ("outage_t", lambda x: x + 1),
        ("lead", lambda x: x - 1),
        ("musd_per_mw", lambda x: x / 2),
        ("life", lambda x: x + 4),  # the age of the hall is left out
    ],
)
def test_a_case_that_misreads_a_refit_is_found(place, facts, monkeypatch, column, change):
    """The plan agrees with its case, and both are wrong: the audit reads scenario and catalog."""
    build = refits.refit_table

    def misread(*args):
        table = build(*args)
        return table.assign(**{column: change(table[column])})

    monkeypatch.setattr(refits, "refit_table", misread)
    plan = solve(build_case(place(fleets=[FLEET]), facts), quality="quick").plan
    assert plan is not None
    found = audit(plan)
    assert column in set(found.loc[found["rule"] == "refit-facts", "message"]), found.to_string()


@pytest.mark.untraced
@pytest.mark.parametrize("change", ["moved", "left out"])
def test_a_timeline_without_the_outage_of_a_refit_is_found(plan, change):
    steps = plan.tables["milestones"].copy()
    at = steps.index[steps["kind"] == "outage"][0]
    steps.loc[at, "start_date"] = pd.Timestamp("2028-04-01")
    steps = steps if change == "moved" else steps.drop(at)
    found = audit(replace(plan, tables={**plan.tables, "milestones": steps}))
    assert set(found["rule"]) == {"refit-told"}


@pytest.mark.untraced
@pytest.mark.parametrize(
    ("t", "accelerators"), [(2, 5.0), (3, 700.0), (3, -1.0), (4, 5.0)],
    ids=["before the work", "more than is refitted", "fewer than none", "after the work"],
)  # fmt: skip
def test_a_fleet_out_of_use_without_a_work_for_it_is_found(plan, finds, t, accelerators):
    fleet = plan.tables["fleet"].copy()
    fleet.loc[fleet.index[fleet["t"] == t][0], "emptied"] = accelerators
    assert finds("refit-emptied", replace(plan, tables={**plan.tables, "fleet": fleet}))


@pytest.mark.untraced
def test_cooling_of_a_hall_that_is_gone_is_found(place, facts):
    """A plan that cools racks by loops of a hall that ended: all of it is made by a case in which the hall stays."""
    stays = {**HALL, "id": "gone", "it_mw": 2.5, "cooling": {LIQUID: 2.5}}
    made = solve(build_case(place(halls=[HALL, stays]), facts), quality="quick").plan
    assert made is not None and audit(made).empty
    case = build_case(place(halls=[HALL, {**stays, "until": "2027-06-30"}]), facts)
    assert "cooling-capacity" in set(audit(replace(made, case=case))["rule"])


@pytest.mark.untraced
def test_a_hall_that_is_gone_takes_no_room_of_a_refit(place, facts):
    gone = {**HALL, "id": "gone", "until": "2027-06-30", "cooling": {LIQUID: 2.5}}
    plan = solve(build_case(place(halls=[HALL, gone]), facts), quality="quick").plan
    assert plan is not None and len(plan.tables["refits"]) and audit(plan).empty


def test_the_timeline_has_a_row_for_each_technology_with_all_its_works(plan):
    """However small a part is and however many there are, each has its size."""
    one = plan.tables["refits"].iloc[[0]]
    year = pd.DateOffset(years=1)
    later = one.assign(
        added_mw=0.0231, outage_date=one["outage_date"] - year, live_date=one["live_date"] - year
    )
    told = list(_outages({**plan.tables, "refits": pd.concat([one, later, later])}, "champion"))
    assert [row[3] for row in told] == [
        f"0.0462 MW {LIQUID}",
        f"{number(one['added_mw'].iloc[0])} MW {LIQUID}",
    ]
    table = pd.DataFrame(told, columns=list(plan.tables["milestones"].columns)).astype(
        {"float_months": float}
    )
    assert len(set(rows(table)["line"])) == 1
    bar = next(b for b in gantt(table).data if b.name == "Out of use for a refit")
    assert [f"0.0462 MW {LIQUID}" in words for _, _, words, _ in bar.customdata] == [True, False]


def test_a_refit_is_capital_of_the_class_of_cooling(plan):
    lines = plan.tables["ledger"].query("account == 'refit'")
    assert set(lines["asset_class"]) == {"cooling"} and set(lines["kind"]) == {"capex", "residual"}


def test_another_word_for_it_is_refused_with_those_there_are(tiny):
    with pytest.raises(Exception, match=r"as-needed.*as-built.*refit"):
        with_overrides(tiny(), {"hosts[champion].standing_halls": "refits"})


def test_the_editor_has_words_and_units_for_what_a_refit_takes():
    told = {f.leaf: (label(f), f.unit) for f in fields("hosts[].refit")}
    assert told["musd_per_mw"] == ("Price of a MW", "MUSD/MW") and told["outage_months"] == (
        "Out of use for",
        "months",
    )
