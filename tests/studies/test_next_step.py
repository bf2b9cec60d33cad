"""A price is shown where its ends are near enough, and its costs are solved closer until they are."""

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from planner.planning.events import Steps
from planner.studies.next_step import CONTROL, SPEED, Price, least, most, price, solve_closer, with_prices


class Steep:
    """Costs 10 a point and 2 a month; what is proven is ``short`` MUSD below until it is solved closer."""

    def __init__(self, short: float, cheaper: float = 0.0) -> None:
        self.short, self.cheaper = short, cheaper
        self.solved: dict[tuple[float, float], float] = {}

    def cost(self, months: float, points: float) -> float:
        return 100.0 - 2.0 * months + 10.0 * points

    def at(self, max_delay_months: float, min_control_points: float) -> dict[str, Any]:
        cost = self.cost(max_delay_months, min_control_points)
        return {
            "feasible": max_delay_months >= 1.0,
            "cost_npv_musd": cost if max_delay_months >= 1.0 else np.nan,
            "max_delay_months": max_delay_months,
            "min_control": min_control_points,
            "control_score": min_control_points,
        }

    def at_least(self, max_delay_months: float, min_control_points: float) -> float:
        short = self.solved.get((max_delay_months, min_control_points), self.short)
        return self.cost(max_delay_months, min_control_points) - short

    def closer(
        self, months: float, points: float, within_musd: float, should_stop: Callable[[], bool] | None = None
    ) -> tuple[float, int]:
        self.solved[months, points] = within_musd
        return self.cost(months, points), 100


def one(months: float, control: float) -> pd.DataFrame:
    row = {"max_delay_months": months, "min_control": control, "control_score": control, "on_front": True,
           "cost_npv_musd": Steep(0.0).cost(months, control), "quality": "screening", "gap": np.nan}  # fmt: skip
    return pd.DataFrame([row, row | {"quality": "plan", "gap": 0.01}])


def test_a_price_is_shown_only_where_its_ends_are_at_most_half_of_it_apart() -> None:
    row = with_prices(one(6.0, 5.0), Steep(short=2.0)).iloc[0]
    assert row[CONTROL] == 10.0 and (row[least(CONTROL)], row[most(CONTROL)]) == (8.0, 12.0)
    assert np.isnan(row[SPEED]) and (row[least(SPEED)], row[most(SPEED)]) == (0.0, 4.0), (
        "not known within the gap"
    )
    assert row["gap"] == pytest.approx(2.0 / row["cost_npv_musd"])


def test_costs_behind_a_price_that_is_not_known_are_solved_closer_and_no_others() -> None:
    live = Steep(short=2.0)
    solve_closer(one(6.0, 5.0), live, 1000)
    assert set(live.solved) == {(5.0, 5.0), (6.0, 5.0)}, (
        "the step to less delay only: that to more control is known"
    )
    row = with_prices(one(6.0, 5.0), live).iloc[0]
    assert row[SPEED] == pytest.approx(2.0) and row[most(SPEED)] - row[least(SPEED)] <= 1.0
    untouched = Steep(short=2.0)
    solve_closer(one(6.0, 5.0), untouched, 1000, should_stop=lambda: True)
    assert not untouched.solved


def test_costs_are_solved_closer_for_so_many_pivots() -> None:
    """Of two prices that are not known: with the pivots of one step's two ends, only that which lacks least."""
    points = pd.concat([one(6.0, 5.0), one(7.0, 5.0)], ignore_index=True)
    asked = []
    for pivots in (150, 1000):
        live = Steep(short=2.0)
        solve_closer(points, live, pivots)
        asked.append(set(live.solved))
    assert asked[0] < asked[1] and len(asked[0]) == 2


def test_a_plan_has_the_prices_of_screening_at_its_delay_and_control() -> None:
    """Its own cost, in whole halls, is dearer: a step counted from there would read as cheap or free."""
    points = one(6.0, 5.0).assign(cost_npv_musd=[138.0, 150.0], min_control=[5.0, np.nan])
    table = with_prices(points, Steep(short=0.5))
    for name, musd in ((CONTROL, 10.0), (SPEED, 2.0)):
        assert table[name].tolist() == pytest.approx([musd, musd])
    beaten = with_prices(points.assign(on_front=[True, False]), Steep(short=0.5))
    assert beaten.loc[1, [CONTROL, SPEED, most(CONTROL)]].isna().all()
    unlimited = with_prices(points.assign(max_delay_months=[6.0, np.nan]), Steep(short=0.5))
    assert unlimited.loc[1, [CONTROL, SPEED, most(CONTROL)]].isna().all()


def test_a_price_outside_of_its_ends_is_not_known() -> None:
    """A bound above the cost that it is of: what is said of it is then wrong."""
    assert Price(2.0, 1.9, 2.1).known and Price(2.0, 2.0, 2.0).known
    for ends in ((4.4, 0.0), (2.1, 2.2), (1.8, 1.9), (math.nan, math.nan)):
        assert not Price(2.0, *ends).known and math.isnan(Price(2.0, *ends).shown)
    digits = with_prices(one(6.0, 5.0), Steep(short=-1e-6)).iloc[0]
    assert digits[CONTROL] == 10.0 and digits[SPEED] == 2.0, "two linear programmes differ in the last digits"
    assert with_prices(one(6.0, 5.0), Steep(short=-1.0))[[CONTROL, SPEED]].isna().all(axis=None)


def test_what_nothing_reaches_has_no_price() -> None:
    table = with_prices(one(1.5, 5.0), Steep(short=0.0))
    assert (
        np.isnan(table.loc[0, SPEED])
        and np.isnan(table.loc[0, most(SPEED)])
        and table.loc[0, CONTROL] == 10.0
    )
    assert table.loc[1, "gap"] == 0.01
    found = price(Steep(0.0), table.loc[0].to_dict(), (0.5, 5.0))
    assert not found.known and np.isnan(found.shown)


def test_prices_tell_how_many_are_done() -> None:
    points, told = pd.concat([one(6.0, 5.0), one(7.0, 5.0)], ignore_index=True), list[tuple[int, int]]()
    looks = list[tuple[int, int]]()
    solve_closer(
        points,
        Steep(short=2.0),
        1000,
        on_look=lambda *at: looks.append(at),
        on_step=lambda *at: told.append(at),
    )
    assert looks == [(0, 4), (1, 4), (2, 4), (3, 4)] and told == [(0, 2), (1, 2)], (
        "all, then what is not known"
    )
    told.clear()
    with_prices(points, Steep(short=2.0), on_step=lambda *step: told.append(step))
    assert told == [(0, 4), (1, 4), (2, 4), (3, 4)]


def test_steps_are_told_every_two_seconds_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    now, told = [0.0], list[str]()
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    steps = Steps(lambda event: told.append(f"{event.stage}: {event.message}"), "prices", "points priced")
    for done in range(10):
        now[0] = 0.9 * done
        steps(done, 10)
    steps(99)
    now[0] = 99.0
    steps(99)
    assert told == [*(f"prices: {n} of 10 points priced" for n in (3, 6, 9)), "prices: 99 points priced"]
