"""What binds: which limits a plan's duals speak of."""

from dataclasses import replace
from typing import Any

import numpy as np

from planner.case.build import build_case
from planner.plans.prices import price_table
from planner.solver.engine import Engine


def test_the_largest_size_of_a_place_binds_only_where_it_has_space(tiny: Any, plain_catalog: Any) -> None:
    """Before a place opens its largest size is no limit: more of it would bring nothing."""
    case = build_case(tiny(), plain_catalog())
    engine = Engine(case)
    engine.policy()
    engine.integers()
    engine.minimise("cost")
    found = engine.lp()
    assert found.x is not None and found.row_dual is not None
    dual = np.zeros(len(found.row_dual))
    dual[engine.arrays.rows["space_max"].slice] = -1.0
    told = price_table(case, engine, replace(found, row_dual=dual))
    space = engine.family(found.x, "space_mw")
    assert 0 < (space > 1e-6).sum() < len(space)
    assert set(told.loc[told["rule"] == "space_max", "t"]) == {t for (_, t), mw in space.items() if mw > 1e-6}
    for row in told[told["rule"] == "space_max"].rename(columns={"index": "where"}).itertuples():
        assert row.limit >= space.loc[tuple(int(x) if x.isdigit() else x for x in row.where.split(","))] > 0
