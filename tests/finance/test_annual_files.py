"""Which files are pro-formas, and whose inputs are read."""

from __future__ import annotations

import doctest
from typing import Any

import pytest

from planner.facts.errors import BadValue, UnknownName
from planner.finance import FinanceError, annual_files
from planner.finance.annual_files import inputs_of, is_proforma

ONE = {"years": 9}
TWO = {"base": {"inputs": ONE}, "high": {"inputs": {"years": 12}}}
LIST = [{"id": "base", "inputs": ONE}, {"name": "high", "inputs": {"years": 12}}]


def test_doctests() -> None:
    assert doctest.testmod(annual_files).failed == 0


@pytest.mark.parametrize("plain", [TWO, LIST, {"conventions": {"a": "b"}, "cases": LIST}, {"cases": TWO}])
def test_a_collection_is_read_by_the_name_of_a_case(plain: Any) -> None:
    assert is_proforma(plain) and inputs_of(plain, "high") == {"years": 12}
    with pytest.raises(BadValue, match="base, high"):
        inputs_of(plain)
    with pytest.raises(UnknownName, match="did you mean 'high'"):
        inputs_of(plain, "hihg")


def test_one_project() -> None:
    assert inputs_of(ONE) == inputs_of({"inputs": ONE}) == ONE and is_proforma({"inputs": 5})
    with pytest.raises(FinanceError, match="inputs: 5 is not a mapping"):
        inputs_of({"inputs": 5})
    with pytest.raises(BadValue, match="leave --case out"):
        inputs_of(ONE, "base")
    assert (
        not is_proforma({"extends": "korea", "name": "x"})
        and not is_proforma({"name": "x"})
        and not is_proforma(5)
    )
