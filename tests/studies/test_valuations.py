"""Plans made under each rule of residual value, each valued under all."""

from __future__ import annotations

from planner.case.residual import METHODS
from planner.studies.valuations import valuation_table


def test_a_plan_is_cheapest_under_the_rule_it_was_made_for(tiny, plain_catalog) -> None:
    table = valuation_table(tiny(solve={"gap": 1e-6}), catalog=plain_catalog()).set_index("made_under")
    assert list(table.index) == list(METHODS)
    for rule in METHODS:
        column = table[f"cost_{rule}"]
        assert column[rule] <= column.min() * (1 + 1e-5)
    assert (table["cost_none"] > table["cost_straight-line"]).all()
    assert (table["cost_none"] > table["cost_market"]).all()
