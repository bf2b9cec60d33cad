"""A plan of unequal periods, priced again on its steps with what it buys held: it is feasible there and costs the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from planner.case.build import build_case
from planner.case.case import Case
from planner.case.registry import ADOPTION, families
from planner.intake.scenario_file import load_scenario
from planner.models.build import build_model
from planner.scenario.horizon import Horizon

pytestmark = pytest.mark.untraced
BOUGHT = (*families("binary"), *families("integer"), *families("continuous"), ADOPTION)
FROM = 8
"""All demand is served from this step on: the host that builds can open by then."""


def case_of(root: Path, step: Any, years: int, only: str = "") -> Case:
    horizon = Horizon.model_validate({"start": "2027-01-01", "years": years, "step": step})
    plain = load_scenario(root / "data/scenarios/two-hosts.yaml")
    dates = plain.solve.model_copy(update={"open_every_periods": 1})
    hosts = [host for host in plain.hosts if only in ("", host.id)]
    return build_case(plain.model_copy(update={"horizon": horizon, "solve": dates, "hosts": hosts}))


def served(case: Case) -> dict[Any, tuple[float, float]]:
    """Bounds of ``unserved``: nothing is from a step on."""
    late = [i for i in case.demand.index if case.calendar.step_of(int(i[1])) >= FROM]
    return {("unserved", tuple(i)): (0.0, 0.0) for i in late}


def held(fine: Any, coarse: Any) -> dict[Any, tuple[float, float]]:
    """Bounds that hold on the fine calendar what was bought on the coarse one, each at the start of its period.

    Systems are held as the fleet there is: what replaces owned ones comes when they are gone, and a contract begins when
    that before it ends.
    """
    bounds: dict[Any, tuple[float, float]] = {}
    for family in BOUGHT:
        if family not in coarse.arrays.columns or family in ("order", "rent"):
            continue
        bounds |= {(family, i): (0.0, 0.0) for i in fine.values(family).index}
        for index, value in coarse.values(family).items():
            if family == ADOPTION:
                bounds[family, index] = (value, value)
                continue
            begin = coarse.case.calendar.step_of(int(index[-1]))
            bounds[family, (*index[:-1], begin)] = (value, value)
    fleet = coarse.values("fleet")
    there = {i: fleet[(*i[:-1], coarse.case.calendar.period_of(i[-1]))] for i in fine.values("fleet").index}
    return bounds | {("fleet", i): (value, value) for i, value in there.items()}


def priced_again(root: Path, optimise: Any, step: Any, years: int, only: str) -> tuple[Any, Any, Any]:
    """The coarse optimum, the same held on quarters, and the optimum on quarters."""
    coarse, quarters = (case_of(root, each, years, only) for each in (step, "quarter"))
    best = optimise(coarse, integer=(), bounds=served(coarse))
    free = optimise(quarters, integer=(), bounds=served(quarters))
    again = optimise(quarters, integer=(), bounds=served(quarters) | held(free, best))
    return best, again, free


def test_a_list_of_equal_steps_costs_what_equal_steps_cost(root: Path, optimise: Any) -> None:
    listed = [{"step": "half-year", "years": 2}, {"step": "half-year"}]
    uniform, other = (case_of(root, step, years=6) for step in ("half-year", listed))
    once, again = (optimise(case, integer=(), bounds=served(case)).objective for case in (uniform, other))
    assert again == pytest.approx(once, rel=1e-9)


def test_what_is_owned_costs_nothing_in_the_period_within_which_it_ends(root: Path) -> None:
    case = case_of(root, SEAM, years=9)
    booked = build_model(case)[1].query("family == 'order'")
    upkeep = booked[booked["account"].isin(["hardware-upkeep", "operator-fee"])]
    ends = {i: case.calendar.ends(i[3], int(life)) for i, life in case.orders["life"].items()}
    steps = [case.calendar.step_of(i[3]) + int(life) for i, life in case.orders["life"].items()]
    assert any(case.calendar.step_of(end) < step for end, step in zip(ends.values(), steps, strict=True))
    paid = upkeep.groupby("index")["t"].max()
    assert len(paid) and all(last == min(ends[i], case.calendar.n) - 1 for i, last in paid.items())


SEAM = [{"step": "quarter", "years": 2}, {"step": "year"}]
LONG = [{"step": "quarter", "years": 5}, {"step": "year"}]


@pytest.mark.parametrize(
    ("step", "years", "only"),
    [
        (SEAM, 6, ""),
        pytest.param(SEAM, 6, "champion", marks=pytest.mark.slow),
        pytest.param(LONG, 20, "", marks=pytest.mark.slow),
        pytest.param(LONG, 20, "champion", marks=pytest.mark.slow),
    ],
)
def test_what_coarse_periods_buy_serves_on_quarters_at_the_same_cost(
    root: Path, optimise: Any, step: Any, years: int, only: str
) -> None:
    best, again, free = priced_again(root, optimise, step, years, only)
    assert again.objective == pytest.approx(best.objective, rel=0.01)
    assert again.objective >= free.objective * (1 - 1e-9)
