"""What is asked of a plan's finance beside its tables: one downside case, all of them, what lenders' lines are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from planner.case.finance import Presets, downsides
from planner.facts.errors import UnknownName
from planner.facts.suggest import hint
from planner.finance.cases import (
    break_even_table,
    downside_table,
    signed,
    tornado_figure,
    tornado_table,
    under,
)  # fmt: skip
from planner.finance.faults import FinanceError
from planner.finance.from_plan import finance_of, placed_in
from planner.finance.tables import tables_of
from planner.scenario.schema import Scenario

HURDLE = "core-data-centre-irr"
"""Row of finance_terms: the return that owners ask for where the scenario states none."""


def case_names(scenario: Scenario) -> list[str]:
    """Names of the downside cases: the scenario's own, else the catalog's."""
    return [event.id for event in downsides(scenario.finance, scenario.catalog)]


def tables_under(
    scenario: Scenario, plan_tables: Mapping[str, pd.DataFrame], case: str
) -> dict[str, pd.DataFrame]:
    """Tables of a plan as signed, under one downside case by flows alone; UnknownName for a case there is not.

    Raises FinanceError where the case cannot be worked out, with paths of the scenario.
    """
    events = {event.id: event for event in downsides(scenario.finance, scenario.catalog)}
    if case not in events:
        raise UnknownName(f"there is no downside case {case!r}{hint(case, list(events))}")
    found = finance_of(scenario, plan_tables)
    try:
        return tables_of(replace(found, project=under(found, events[case], signed(found))), scenario)
    except FinanceError as error:
        raise placed_in(scenario, error) from error


def downside_tables(scenario: Scenario, plan_tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Every case and the tornado, by flows alone."""
    found, events = finance_of(scenario, plan_tables), downsides(scenario.finance, scenario.catalog)
    cases = downside_table(found, events)
    figure = tornado_figure(cases)
    return {
        "finance_downsides": cases,
        "finance_tornado": tornado_table(found, events, cases, figure).assign(figure=figure),
    }


def break_evens(scenario: Scenario, plan_tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The share of revenue that may be lost until debt is not covered, or owners earn less than they ask for."""
    hurdle = scenario.finance.target_equity_irr or Presets(scenario.catalog).term(HURDLE)[0]
    return break_even_table(finance_of(scenario, plan_tables), hurdle)
