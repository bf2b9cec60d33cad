"""A plan made again under an event: what the event changes, what is held, and whose debt and prices are kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pytest

from planner.case.build import build_case
from planner.case.finance import downsides
from planner.finance.from_plan import finance_of
from planner.intake.scenario_file import with_overrides
from planner.planning.pipeline import solve
from planner.plans.plan import Plan
from planner.scenario.finance import Downside
from planner.scenario.schema import Path, Scenario
from planner.studies.downsides import LEAST, Changed, after, replanned
from tests.finance.deals import deal

KNOWN = date(2028, 1, 1)
DEAL = deal("delayed-draw")


@pytest.fixture(scope="module")
def base() -> Plan:
    outcome = solve(build_case(with_overrides(DEAL, {"solve.slices": 1})), quality="quick")
    assert outcome.plan is not None
    return outcome.plan


def test_events_of_money_alone_leave_the_plan_as_it_is() -> None:
    moved = {e.what for e in downsides(DEAL.finance, DEAL.catalog) if after(DEAL, e, KNOWN) is not None}
    assert moved == {
        "capex", "utilisation", "off-taker", "residual", "grid-late", "licence-late", "licence-lost",
    }  # fmt: skip


def test_each_event_changes_what_it_says() -> None:
    def changed(what: str, size: float, lost: list[str] | None = None) -> Changed:
        event = Downside.model_validate({"id": "e", "what": what, "size": size})
        found = after(DEAL, event, KNOWN, lost)
        assert found is not None
        return found

    dearer = changed("capex", 0.2).catalog
    for table, key, column in (
        ("systems", "hgx-b300", "price_usd_mid"),
        ("countries", "KOR", "construction_musd_per_mw_it"),
    ):
        assert dearer.value(table, key, column) == pytest.approx(1.2 * DEAL.catalog.value(table, key, column))
    assert changed("licence-late", 9).scenario.supply.licence.lead_months == 9
    assert changed("licence-lost", 1).scenario.cuts[-1].chip_origins == ["USA"]
    assert changed("residual", 0.5).scenario.finance.residual == "none"
    gone = changed("off-taker", 1, lost=["someone-else"]).scenario
    assert gone.demand == DEAL.demand


def test_a_late_grid_is_every_line_that_cannot_stand_by_the_day(tiny: Callable[..., Scenario]) -> None:
    """The wait of the file, else the country's 27 months; a flexible line of 12 months stands by 2028-04."""
    late, power = (
        Downside(id="e", what="grid-late", size=12),
        {"flexible": {"id": "grid-flexible", "max_mw": 5}},
    )

    def waits(known: date, **site: Any) -> tuple[float | None, float | None]:
        found = after(tiny(sites={"power": power} | site), late, known)
        assert found is not None
        (changed,) = found.scenario.sites
        return changed.grid_lead_months, changed.power.flexible.lead_months

    assert waits(date(2027, 7, 1), grid_lead_months=30) == (42, 24)
    assert waits(date(2028, 4, 1), grid_lead_months=30) == (42, None)
    assert waits(date(2028, 4, 1), grid_lead_months=None) == (27 + 12, None)
    assert waits(date(2029, 12, 1), grid_lead_months=30) == (30, None)


def test_a_late_grid_leaves_what_is_there_by_the_day(tiny: Callable[..., Scenario]) -> None:
    steps = [{"from": "2027-01-01", "mw": 10}, {"from": "2028-06-01", "mw": 40}]
    found = after(
        tiny(sites={"grid_mw": steps}), Downside(id="e", what="grid-late", size=12), date(2028, 1, 1)
    )
    assert found is not None
    got = [(step.from_, step.mw) for step in found.scenario.sites[0].grid_mw]
    assert got == [(date(2027, 1, 1), 10), (date(2029, 6, 1), 40)]


def test_demand_is_less_from_the_day_on_and_as_it_was_before() -> None:
    points = [{"at": "2027-01-01", "value": 100}, {"at": "2029-01-01", "value": 300}]
    rising = with_overrides(DEAL, {"demand[assistant].size.points": points})
    found = after(rising, Downside(id="e", what="utilisation", size=0.5), KNOWN)
    assert found is not None and isinstance(size := found.scenario.demand[0].size, Path)
    assert [(p.at.year, round(p.value)) for p in size.points] == [(2027, 100), (2028, 100), (2029, 150)]
    lost = after(rising, Downside(id="e", what="off-taker", size=1), KNOWN)
    assert lost is not None and isinstance(size := lost.scenario.demand[0].size, Path)
    assert size.points[-1].value == pytest.approx(300 * LEAST)


@pytest.mark.untraced
def test_first_decisions_and_debt_are_kept_and_dearer_capital_is_paid_by_owners(base: Plan) -> None:
    found = finance_of(base.case.scenario, base.tables)
    table = replanned(
        base, found, [Downside(id="dear", what="capex", size=0.2), Downside(id="p", what="price", size=0.2)]
    )
    assert table["case"].tolist() == ["dear"] and table.loc[0, "fault"] == ""
    row, signed = table.iloc[0], found.statements
    assert row["cost_npv_musd"] > base.kpi("cost_npv_musd") * 1.02
    more = row["uses_musd"] - float(signed.uses.sum().sum())
    assert more > 0.05 * float(signed.uses["capex"].sum())
    equity = row["equity_musd"] - float(signed.sources.filter(like="equity:").sum().sum())
    assert equity == pytest.approx(more, rel=1e-6)  # the loan gives what was signed
    assert np.isfinite(row["min_dscr"])
