"""N+1 of plant against enumeration: unequal units, any amount, mixed kinds, and where it asks for nothing.

800 accelerators draw 1.92 MW in the design hour; no line comes, backup sets cost next to nothing. Fuel is free and
nothing fails but the one unit, so that prices of plant decide.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from planner.audit import audit
from planner.case.build import build_case
from planner.case.context import Context
from planner.explain.bridges import Bridge, Load
from planner.facts.catalog import Catalog
from planner.facts.errors import MissingFact
from planner.planning.pipeline import solve
from planner.scenario.power import PowerOption
from planner.scenario.schema import Scenario
from planner.solver.branch_and_bound import Search
from planner.solver.engine import PATTERN, PLACED, YES_OR_NO, Engine
from planner.solver.progress import SolveOptions
from planner.solver.solution import Status
from planner.studies.patterns import everything_early

pytestmark = pytest.mark.untraced

DESIGN_MW = 1.92
ENGINE, TURBINE, CELL = "gas-engine-dc-2026", "gas-turbine-industrial-2026", "fuelcell-2026"
CELLS = {"id": "battery-4h-2026", "capex_usd_per_kw": 1, "lead_months": 6, "permit_months": 3, "forced_outage_pct": 0,
         "round_trip_pct": 85}  # fmt: skip
WHOLE = ("open", "use", "halls", "plant_units", "several")


def kind(name: str, usd: float, unit: float | None, **more: Any) -> dict[str, Any]:
    return {"id": name, "capex_usd_per_kw": usd, "unit_mw": unit, "lead_months": 6, "permit_months": 3,
            "fuel_usd_per_mmbtu": 0, "forced_outage_pct": 0, **more}  # fmt: skip


@pytest.fixture(scope="module")
def facts(plain_catalog: Callable[..., Catalog]) -> Catalog:
    same = {(name, c): v for name in (ENGINE, TURBINE, CELL)
            for c, v in (("fixed_om_usd_per_kw_year", 0), ("variable_om_usd_per_mwh", 0), ("life_years", 25))}  # fmt: skip
    sets = {("backup", "diesel", "capex_musd_per_mw_mid"): 0.001}
    return plain_catalog(sets | {("power_options", name, c): v for (name, c), v in same.items()})


@pytest.fixture(scope="module")
def place(tiny: Callable[..., Scenario]) -> Callable[..., Scenario]:
    def make(
        *options: dict[str, Any], redundancy: str = "N+1", grid: float = 60, flexible: Any = None
    ) -> Scenario:
        power = {"options": list(options), "redundancy": redundancy, "flexible": flexible}
        free = {
            "open_cost_musd": 0,
            "team_musd_per_year": 0,
        }  # no kind of plant is chosen for when the place may open
        return tiny(hosts=free, sites={"grid_lead_months": grid, "power": power})

    return make


def cheapest(kinds: list[tuple[float, float]]) -> float:
    """MUSD of the cheapest whole units that carry the design load when any one of them is lost."""
    best = float("inf")
    for counts in itertools.product(range(8), repeat=len(kinds)):
        units = [mw for (_, mw), n in zip(kinds, counts, strict=True) for _ in range(n)]
        if units and sum(units) - max(units) >= DESIGN_MW - 1e-9:
            cost = sum(usd * mw * n / 1000 for (usd, mw), n in zip(kinds, counts, strict=True))
            best = min(best, cost)
    return best


@pytest.mark.parametrize(
    "kinds",
    [
        [(1000, 1.0), (1400, 0.5)],  # three large ones
        [(1000, 1.0), (1150, 0.5)],  # five small ones
        [(1000, 2.0), (1500, 0.7)],  # of each kind one or more
        [(1000, 1.5)],
    ],
)
def test_the_cheapest_units_with_one_lost_by_enumeration(place, facts, optimise, kinds):
    options = [kind(name, *each) for name, each in zip((ENGINE, TURBINE), kinds, strict=False)]
    answer = optimise(place(*options), facts, integer=WHOLE)
    assert answer.status is Status.OPTIMAL
    price = {name: usd / 1000 for name, (usd, _) in zip((ENGINE, TURBINE), kinds, strict=False)}
    paid = sum(mw * price[index[1]] for index, mw in answer.used("plant").items())
    assert paid == pytest.approx(cheapest(kinds))


def test_of_plant_in_any_amount_a_unit_is_lost_or_all_where_less_stands(place, facts, optimise):
    """Cells of 0.3 MW: 2.22 MW. Were a unit 5 MW, all there is would be lost: nothing can carry the load."""
    cells = kind(CELL, 1000, None)
    answer = optimise(place(cells), facts, integer=WHOLE)
    assert sum(answer.used("plant").values()) == pytest.approx(DESIGN_MW + 0.3)
    assert sum(optimise(place(cells, redundancy="N"), facts).used("plant").values()) == pytest.approx(
        DESIGN_MW
    )


@pytest.mark.parametrize(("name", "unit"), [(ENGINE, 1.5), (ENGINE, 5.0), (CELL, None)])
@pytest.mark.parametrize("asked", ["N", "N+1"])
def test_a_bridge_that_is_told_is_as_large_as_the_one_that_is_planned(
    place, facts, optimise, name, unit, asked
):
    """Each kind alone, in whole units of 1.5 or 5 MW and in any amount, with a tenth out of order."""
    option = kind(name, 1000, unit, forced_outage_pct=10)
    scenario = place(option, redundancy=asked)
    planned = sum(optimise(scenario, facts, integer=WHOLE).used("plant").values())
    context = Context.of(scenario, facts)
    bridge = Bridge(context, scenario.hosts[0], PowerOption.model_validate(option), False, 4)
    assert bridge.mw(Load(DESIGN_MW, 1.0)) == pytest.approx(planned)


def test_what_a_line_carries_needs_no_spare_unit(place, facts, optimise):
    """The line comes in time: engines that only save energy and stand by are one unit, N+1 or not."""
    for asked in ("N", "N+1"):
        answer = optimise(
            place(kind(ENGINE, 1, 0.5, max_mw=0.5), redundancy=asked, grid=12), facts, integer=WHOLE
        )
        assert sum(answer.used("plant").values()) == pytest.approx(0.5)
        line = DESIGN_MW - (0.5 if asked == "N" else 0.0)
        assert sum(answer.used("connect").values()) == pytest.approx(line)


def test_a_spare_unit_stands_in_stressed_hours_too(place, facts, optimise):
    """Beside a flexible line that carries the design hour 1.44 MW at work need 1.5 MW in units of 0.5, and one more."""
    loose = {"max_mw": 5, "lead_months": 12, "curtailed_hours_per_year": 200}
    for asked, mw in (("N", 1.5), ("N+1", 2.0)):
        answer = optimise(
            place(kind(ENGINE, 3000, 0.5), redundancy=asked, flexible=loose), facts, integer=WHOLE
        )
        assert sum(answer.used("plant").values()) == pytest.approx(mw)


def test_storage_is_no_spare_unit_where_the_rest_cannot_charge_it_again(place, facts, optimise):
    """A battery next to free. A unit is out for days, and the day takes 1.53 MW: so much stands without the unit lost.

    Engines of 1 MW: two beside the lost one, as without a battery. Of 0.1 MW: 1.6 and the lost one, and the battery
    carries the rest of the design hour.
    """
    hours = 4 / (4 + 0.85 * 20)
    day = hours * DESIGN_MW + (1 - hours) * 1.44
    for unit, engines in ((1.0, 3.0), (0.1, np.ceil(day / 0.1) * 0.1 + 0.1)):
        answer = optimise(place(kind(ENGINE, 1000, unit), CELLS), facts, integer=WHOLE)
        assert answer.status is Status.OPTIMAL
        mw = answer.values("plant").groupby(level=1).sum()
        assert mw[ENGINE] == pytest.approx(engines)
        assert mw[CELLS["id"]] == pytest.approx(max(DESIGN_MW - (engines - unit), 0.0))


def test_a_battery_in_place_of_a_spare_unit_is_found(place, facts):
    plan = solve(build_case(place(kind(ENGINE, 1000, 1.0), CELLS), facts), quality="quick").plan
    assert plan is not None and not len(audit(plan))
    plants = plan.tables["plants"].assign(added_mw=2.0)
    assert len(plants) == 1, "the three engines"
    swapped = pd.concat([plants, plants.assign(g=CELLS["id"], added_mw=1.0)], ignore_index=True)
    found = audit(replace(plan, tables={**plan.tables, "plants": swapped}))
    assert "spare-unit" in set(found["rule"])


def test_n_adds_no_row_and_no_binary(place, facts, optimise):
    answer = optimise(place(kind(ENGINE, 1000, 0.5), redundancy="N"), facts)
    assert not answer.arrays.columns["several"].size and not answer.arrays.columns["unit_loss"].size


def test_a_unit_without_size_is_asked_for(place, facts):
    with pytest.raises(MissingFact, match="N\\+1 needs the size of a unit"):
        build_case(place(kind(ENGINE, 1000, 0)), facts)


def test_a_plan_is_clean_and_stands_with_its_largest_unit_lost(place, facts):
    plan = solve(
        build_case(place(kind(ENGINE, 1000, 0.5), kind(CELL, 1900, None)), facts), quality="quick"
    ).plan
    assert plan is not None
    found = audit(plan)
    assert not len(found), found.to_string()
    assert plan.tables["plants"]["added_mw"].sum() >= 2.5 - 1e-6, "four units of 0.5 MW, and one more"


def test_the_bound_of_places_knows_of_the_unit_that_may_be_lost(place, facts):
    """In parts of a yes next to nothing is lost, since far more could stand: then places say too little of their cost."""
    case = build_case(place(kind(ENGINE, 1000, 1.0), kind(TURBINE, 1400, 0.5)), facts)
    engine = Engine(case)
    engine.minimise("cost")
    engine.integers(*PATTERN, PLACED, YES_OR_NO)
    best = engine.live.solve(gap=1e-9)
    found = {}
    for spare in (False, True):
        tree = engine.searchable(spare=spare, whole=False)
        tree.minimise("cost")
        found[spare] = Search(tree, SolveOptions(1e-9), rounding=True).run()
    assert found[True].objective == pytest.approx(best.objective)
    assert found[True].bound == pytest.approx(best.objective)
    assert found[False].bound < best.objective - 0.1
    assert found[True].x is not None
    yes = engine.family(found[True].x, YES_OR_NO)
    assert yes.to_numpy() == pytest.approx(yes.round().to_numpy(), abs=1e-6)


def test_roundings_of_the_relaxation_stand_with_a_unit_lost(place, facts):
    case = build_case(place(kind(ENGINE, 1000, 1.0), kind(TURBINE, 1400, 0.5)), facts)
    engine = Engine(case)
    tree = engine.searchable({f: np.array(values) for f, values in everything_early(engine).items()})
    tree.minimise("cost")
    searched, rounded = (Search(tree, SolveOptions(1e-6), rounding=each).run() for each in (False, True))
    assert rounded.objective == pytest.approx(searched.objective, rel=2e-6)
    first = Search(tree, SolveOptions(0.0), good_enough=float("inf"), rounding=True).run()
    assert first.x is not None and first.nodes <= 11, "two programmes a rounding, after the relaxation"
    for family in ("plant_units", "several"):
        values = engine.family(first.x, family)
        assert values.to_numpy() == pytest.approx(values.round().to_numpy(), abs=1e-6)
