"""What protects the reasons of a figure outside its published range: they are this plan's terms and add up."""

import re
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from planner.case.build import build_case
from planner.facts.catalog import Catalog
from planner.facts.numbers import APART
from planner.planning.pipeline import solve
from planner.plans.plan import Plan
from planner.plans.unit_costs import UnitFigure, unit_figures

OUTSIDE = {
    ("published_ranges", key, end): value
    for key in ("levelised-hopper", "levelised-blackwell")
    for end, value in (("low", 900.0), ("high", 999.0))
}


@pytest.fixture(scope="module")
def plan(tiny: Callable[..., Any], plain_catalog: Callable[..., Catalog]) -> Plan:
    """One built host; the published range of an hour lies far above any plan's."""
    found = solve(build_case(tiny(), plain_catalog(OUTSIDE)), "quick").plan
    assert found is not None
    return found


def added(text: str) -> float:
    """The signed figures of a text, added."""
    return sum(
        (-1 if sign == "−" else 1) * float(figure.replace(APART, ""))
        for sign, figure in re.findall(rf"([+−]?) ?[a-zA-Z ]+? ([\d{APART}]+(?:\.\d+)?)", text)
    )


@pytest.mark.untraced
def test_terms_are_the_figure(plan: Plan) -> None:
    ledger, orders, fleet = (plan.tables[n] for n in ("ledger", "orders", "fleet"))
    own = ledger[ledger["payer"] == "partner"]
    figures = unit_figures(plan.case, plan.tables)
    for name, figure in figures.items():
        assert figure.value == pytest.approx(plan.kpi(name), rel=1e-12, nan_ok=True)
    bought = own.loc[(own["kind"] == "capex") & (own["asset_class"] != ""), "musd"].sum()
    each = figures["usd_per_accelerator_all_in"]
    assert each.value == pytest.approx(bought * 1e6 / orders["accelerators"].sum(), rel=1e-9)
    periods = plan.case.periods
    hours = fleet["accelerators"] * fleet["t"].map(periods["discount"] * periods["hours"]).astype(float)
    hour = figures["levelised_cost_usd_per_accelerator_hour"]
    total = own["musd_discounted"].sum() * 1e6 / (hours.sum() * plan.case.physics["availability"])
    assert hour.value == pytest.approx(total, rel=1e-9)
    assert {"capital", "residual value", "energy", "staff"} <= set(hour.terms)
    power = figures["kw_per_accelerator"]
    assert list(power.terms) == ["IT", "design PUE"] and 1 < power.terms["design PUE"] < 2


def test_a_figure_outside_its_range_says_what_it_is_made_of(plan: Plan) -> None:
    name = "levelised_built_usd_per_accelerator_hour"
    row = plan.kpis.set_index("kpi").loc[name]
    assert not row["inside"]
    _, _, reason = str(row["note"]).partition("below the published range; without residual value ")
    _, _, reason = reason.partition(": ")
    assert reason and "capital" in reason and "residual value" in reason
    assert added(reason) == pytest.approx(row["value"], abs=0.03)  # six figures rounded to a cent


def test_figures_shown_add_up() -> None:
    terms = {
        "servers": 50_000.4,
        "halls": 9_000.0,
        "cooling": 2_000.0,
        "grid": 900.0,
        "backup": 80.0,
        "site": 20.0,
    }
    text = UnitFigure("x", "USD", "", terms).text
    assert text.replace(APART, " ") == "servers 50 000 + halls 9 000 + cooling 2 000 + grid 900 + other 100"
    assert added(text) == pytest.approx(sum(terms.values()), abs=3)
    assert added("capital 2.00 − residual value 0.50") == pytest.approx(1.5)
    power = UnitFigure("x", "kW", "", {"IT": 1.6, "design PUE": 1.25}, times=True)
    assert power.value == pytest.approx(2.0) and power.text == "IT 1.60 × design PUE 1.25"
    assert pd.isna(UnitFigure("x", "kW", "", {}).value)
