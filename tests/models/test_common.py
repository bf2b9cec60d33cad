"""Sets of tuples that are known by their codes: the same tuples, without a dictionary or a second table of them."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyomo.environ as pe
import pytest

from planner.case.build import build_case
from planner.models.build import build_model
from planner.models.common import Coded, add_set, distinct, tuples
from planner.solver.compile import compile_model

ROWS = pd.DataFrame({"h": ["b", "a", "b", "b"], "t": [2, 0, 2, 1], "x": [1.0, 2.0, 3.0, 4.0]})


def test_distinct_tuples_keep_the_order_of_their_first_rows() -> None:
    found = distinct(ROWS, ["h", "t"])
    assert list(found) == [("b", 2), ("a", 0), ("b", 1)] and len(found) == 3
    assert [type(part) for part in next(iter(found))] == [str, int]
    assert [found[member] for member in found] == [0, 1, 2] and ("a", 1) not in found


def test_tuples_of_a_part_of_a_table_are_those_of_its_rows() -> None:
    """Levels of the whole table stay with a part of it; what is not in the part is no value of its tuples."""
    part = ROWS.drop_duplicates(["h", "t"]).set_index(["h", "t"]).iloc[1:]
    found = tuples(part)
    assert list(found) == [("a", 0), ("b", 1)]
    assert isinstance(found, Coded) and [values for values, _ in found.columns] == [["a", "b"], [0, 1]]
    assert list(tuples(part.iloc[:0])) == []


def test_a_set_refuses_tuples_of_another_length() -> None:
    m = pe.ConcreteModel()
    with pytest.raises(ValueError, match="X: tuples of 3 parts are asked for"):
        add_set(m, "X", distinct(ROWS, ["h", "t"]), 3)


def test_neither_model_nor_compiler_makes_a_dictionary_of_the_work(tiny: Any, plain_catalog: Any) -> None:
    """One of a large case takes ten times the memory of its codes."""
    case = build_case(tiny(), plain_catalog())
    m, _ = build_model(case)
    compile_model(m)
    for members in (m.SERVE, m.RUN, m.HOST_LINK, m.FLEET):
        assert "_place_of" not in vars(members._values)
    for family in (m.serves, m.host_serves, m.firm_at):
        assert "_place_of" not in vars(family._data)
    assert list(m.SERVE) == case.serve.index.tolist()


def test_a_tuple_that_stands_in_its_table_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="h, t: a tuple stands there more than once"):
        tuples(ROWS.set_index(["h", "t"]))


def test_a_missing_part_of_a_tuple_is_refused() -> None:
    missing = pd.DataFrame({"h": [None, "a"], "t": [2, 0]})
    for make in (lambda: tuples(missing.set_index(["h", "t"])), lambda: distinct(missing, ["h", "t"])):
        with pytest.raises(ValueError, match="has no value"):
            make()
