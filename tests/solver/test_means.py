"""What protects work counted by its mean: the same most work, values by slice that fit, nothing left out that matters."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from planner.facts.errors import InternalError
from planner.solver.arrays import Arrays, Block
from planner.solver.highs import LiveHighs
from planner.solver.means import Means

FLEET, PROFILE, WEIGHT = 10.0, (1.0, 0.2), (0.25, 0.75)
PLACE = ("cloud", "stack", "chip", 0)


def programme(energy: float = 0.0, peak: float = 1.0) -> Arrays:
    """A fleet of ten with firm work (column 0) and preemptible work (column 1), in two slices of a quarter and the rest.

    ``energy``: megawatts by which work in the first slice enters another row. ``peak``: share of firm work its row counts.
    """
    rows = [
        [peak, 0, 0, 0],
        [PROFILE[0], 0, 1, 0],
        [PROFILE[1], 0, 0, 1],
        [0, 1, -WEIGHT[0], -WEIGHT[1]],
        [0, 0, energy, 0],
    ]
    return Arrays(
        matrix=csr_array(np.array(rows, float)), cost=np.zeros(4), offset=0.0, col_lower=np.zeros(4),
        col_upper=np.full(4, np.inf), integrality=np.zeros(4, np.int32),
        row_lower=np.array([-np.inf, -np.inf, -np.inf, 0.0, -np.inf]), row_upper=np.array([FLEET] * 3 + [0.0, 1.0]),
        columns={"serve": Block.of(0, [("chat", *PLACE), ("batch", *PLACE)]),
                 "run": Block.of(2, [("batch", *PLACE, s) for s in "ab"])},
        rows={"fleet_peak": Block.of(0, [PLACE]), "fleet_slice": Block.of(1, [(*PLACE, s) for s in "ab"]),
              "preemptible_mean": Block.of(3, [("batch", *PLACE)]), "power": Block.of(4, [()])},
        params={}, maximize=False,
    )  # fmt: skip


@pytest.mark.parametrize("firm", [0.0, 4.0, 10.0])
def test_preemptible_work_fills_what_firm_work_leaves_on_average(firm: float) -> None:
    arrays = programme()
    means = Means(arrays)
    assert means.arrays.shape == (arrays.shape[0] - 2, arrays.shape[1] - 2)
    live = LiveHighs(means.arrays)
    live.set_objective(np.array([0.0, -1.0]))
    live.set_col_bounds(np.array([0]), firm, firm)
    found = live.solve()
    by_hand = sum(w * (FLEET - p * firm) for w, p in zip(WEIGHT, PROFILE, strict=True))
    assert found.objective == pytest.approx(-by_hand)
    x = means.full(found.x)
    rows = arrays.matrix @ x
    assert (rows <= arrays.row_upper + 1e-9).all() and rows[3] == pytest.approx(0.0, abs=1e-9)
    assert (x >= 0).all() and x[1] == pytest.approx(by_hand)


@pytest.mark.parametrize("arrays", [programme(energy=0.5), programme(peak=0.5)])
def test_work_stays_by_slice_where_a_slice_matters_or_may_have_no_room(arrays: Arrays) -> None:
    assert Means(arrays).arrays.shape == arrays.shape


def test_work_by_slice_cannot_be_weighed() -> None:
    means = Means(programme())
    assert means.goal(np.array([1.0, 2.0, 0.0, 0.0])).tolist() == [1.0, 2.0]
    with pytest.raises(InternalError, match="work by slice"):
        means.goal(np.array([0.0, 0.0, 1.0, 0.0]))
