"""Existing fleets and halls too small for them: what has no power stands in store, dark, and is no trouble."""

from __future__ import annotations

from dataclasses import replace

import pytest

from planner.audit import audit
from planner.case.build import build_case
from planner.case.holdings import unhoused
from planner.case.prechecks import precheck
from planner.planning.pipeline import solve

pytestmark = pytest.mark.untraced

FLEET = {"id": "old", "host": "champion", "stack": "champion-us-chips", "system": "hgx-b300", "accelerators": 800,
         "since": "2026-01-01", "retire": "2036-01-01"}  # fmt: skip
SOON = {"must_serve_by": None, "optional": True}


def held(tiny, hall=None, fleet=None, **changes):
    """800 accelerators of 2 kW; the hall has 2 MW of space and what is said of grid and backup."""
    old = {"id": "hall", "host": "champion", "it_mw": 2, "grid_mw": 0.6, "backup_mw": 2, **(hall or {})}
    changes = {"horizon": {"years": 3}, "demand": SOON, "stacks": {"lead_months": 0}, **changes}
    return tiny(existing={"halls": [old], "fleets": [{**FLEET, **(fleet or {})}]}, **changes)


def by_period(answer, family):
    return answer.values(family).droplevel([0, 1, 2]).round(6)


def test_a_late_grid_leaves_racks_dark_and_they_are_lit_when_it_comes(tiny, plain_catalog, optimise):
    """0.6 MW at a PUE of 1.2 carries 0.5 MW, 250 of 800 accelerators; 12 months on a line carries the rest."""
    answer = optimise(held(tiny), plain_catalog(), objective="delay")
    dark = by_period(answer, "stored")
    assert dark[:4].tolist() == pytest.approx([0.55] * 4) and dark[4:].tolist() == pytest.approx([0.0] * 8)
    assert answer.values("delay").iloc[0] == pytest.approx(12.0 * 550 / 800)
    served = answer.values("serve").droplevel([0, 1, 2, 3]).round(6)
    assert served[:4].tolist() == pytest.approx([0.25] * 4) and served[4] == pytest.approx(0.8)
    assert not precheck(answer.case)
    (words,) = unhoused(answer.case)
    assert "0.6 MW of grid where 1.92 are needed" in words and "stands in store" in words


@pytest.mark.parametrize(
    ("short", "lit"),
    [({"it_mw": 0.3}, 0.15), ({"backup_mw": 0.36}, 0.15), ({"grid_mw": 2, "backup_mw": 2}, None)],
)
def test_whatever_is_too_small_decides_and_a_hall_that_suffices_adds_nothing(
    tiny, plain_catalog, optimise, short, lit
):
    """0.3 MW of space, or 0.36 of backup at a PUE of 1.2, is 150 accelerators."""
    scenario = held(tiny, {"grid_mw": 2, **short})
    if lit is None:
        assert not len(build_case(scenario, plain_catalog()).stored)
        return
    answer = optimise(scenario, plain_catalog(), objective="delay")
    assert 0.8 - by_period(answer, "stored")[0] == pytest.approx(lit)


def test_what_is_in_flight_waits_for_the_grid(tiny, plain_catalog, optimise):
    """Systems that come in July 2027 to a hall without any line are lit with the line of 2028."""
    answer = optimise(held(tiny, {"grid_mw": 0}, {"since": "2027-07-01"}), plain_catalog(), objective="delay")
    dark = by_period(answer, "stored")
    assert dark.index.min() == 2 and dark.tolist() == pytest.approx([0.8, 0.8, *[0.0] * 8])


def test_what_is_on_stays_on_unless_power_falls(tiny, plain_catalog, optimise):
    """Nothing is asked after a year, and idle machines draw power: yet they stay on. A hall that ends frees them."""
    asked = {**SOON, "may_lapse": True, "size": {"by": "accelerators", "shape": "step", "points": [
        {"at": "2027-01-01", "value": 250}, {"at": "2028-01-01", "value": 0.001}]}}  # fmt: skip
    answer = optimise(held(tiny, demand=asked), plain_catalog())
    dark = by_period(answer, "stored")
    assert dark.diff().max() <= 1e-9, "never more in store than before"
    ends = held(tiny, {"until": "2027-12-31", "grid_mw": 0.6}, demand=asked)
    freed = by_period(optimise(ends, plain_catalog(), objective="delay"), "stored")
    assert freed[3] == pytest.approx(0.55) and freed[4] > 0.7, "no hall: it goes into store again"


def test_racks_in_store_cost_their_upkeep_and_draw_nothing(tiny, plain_catalog, optimise):
    """No grid ever: upkeep of 4 % of the price, staff, licence, the team and the stack are all that is paid."""
    off = optimise(
        held(tiny, {"grid_mw": 0}, sites={"grid_mw": [{"from": "2036-01-01", "mw": 40}]}), plain_catalog()
    )
    assert by_period(off, "stored").tolist() == pytest.approx([0.8] * 12)
    assert not off.used("grid_import") and not off.used("serve")
    discount = off.case.periods["discount"].sum() / 4
    assert off.objective == pytest.approx(discount * (0.04 * 40 + 0.8 * (1.5 + 1.0) + 4))


@pytest.mark.parametrize(
    ("hall", "words"),
    [
        (None, ["0 MW of space", "0 MW of grid where 1.92", "0 MW of backup", "from the first period"]),
        (
            {"until": "2027-06-30", "grid_mw": 4},
            ["in 2027-Q3", "0 MW of space", "hall hall ends on 2027-06-30"],
        ),
    ],
)
def test_a_fleet_without_a_hall_is_told_of(tiny, plain_catalog, hall, words):
    scenario = held(tiny, hall)
    if hall is None:
        scenario = scenario.model_copy(
            update={"existing": scenario.existing.model_copy(update={"halls": []})}
        )
    (line,) = unhoused(build_case(scenario, plain_catalog()))
    assert not [word for word in words if word not in line], line


def test_the_plan_says_what_is_dark_and_the_audit_knows_what_may_be(tiny, plain_catalog):
    outcome = solve(build_case(held(tiny), plain_catalog()), "quick", "delay")
    plan = outcome.plan
    assert not len(audit(plan)) and any("stands in store" in note for note in outcome.notes)
    fleet = plan.tables["fleet"].set_index("t")
    assert fleet.at[0, "stored"] == pytest.approx(550, abs=5) and fleet.at[0, "accelerators"] == 800
    power = plan.tables["power"].set_index("t")
    assert power.at[0, "it_peak_mw"] == pytest.approx(0.5, abs=0.01)
    rows = plan.tables["fleet"]
    for t, stored in (
        (2, 500.0),
        (6, 50.0),
        (0, 900.0),
    ):  # more power than there is; off again; more than exists
        faulty = {**plan.tables, "fleet": rows.assign(stored=rows["stored"].where(rows["t"] != t, stored))}
        assert len(audit(replace(plan, tables=faulty))), (t, stored)
