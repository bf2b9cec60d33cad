"""Two plans side by side as a lender asks: peak funding, sources, commitments, least cover, the tariff for a cover.

The reason beside a difference is worked out from the two plans: the parts of the same sum that differ most.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from planner.case.finance import PROVIDER, Presets
from planner.case.periods import Calendar
from planner.case.registry import ACCOUNTS, SETTLED
from planner.finance.contracts import contracts_of, earned_by
from planner.finance.faults import FinanceError
from planner.finance.from_plan import PlanFinance, finance_of
from planner.finance.ledger_flows import PHYSICAL, Quarters
from planner.finance.revenue import Contract
from planner.finance.sources import EQUITY
from planner.finance.statements import key_figures
from planner.finance.tables import owners
from planner.finance.targets import MIN_DSCR, revenue_factor
from planner.scenario.finance import Revenue
from planner.scenario.schema import Scenario

COLUMNS = ["figure", "of", "unit", "base", "other", "difference", "reason"]
SIZING = "project-finance-sizing-dscr"
OTHERWISE = "other sources, prices or terms"
PARTS, NOISE = 3, 1e-6
"""Parts that a reason names, and what counts as no difference."""


@dataclass(frozen=True)
class Side:
    """One of the two: its finance and the tables of its plan."""

    scenario: Scenario
    tables: Mapping[str, pd.DataFrame]
    found: PlanFinance

    @classmethod
    def of(cls, scenario: Scenario, tables: Mapping[str, pd.DataFrame]) -> Side:
        """Raises FinanceError where the plan cannot be financed."""
        return cls(scenario, tables, finance_of(scenario, tables))

    def by_account(self, payer: str = "") -> pd.Series:
        """What is paid within the horizon by account, real MUSD; of one payer, or all but the provider."""
        rows = self.found.payers
        rows = rows[~rows["kind"].isin([PHYSICAL, *SETTLED]) & (rows["payer"] != PROVIDER)]
        rows = rows[rows["payer"] == payer] if payer else rows
        sums = rows.groupby("account")["musd"].sum()
        return sums.rename(index=lambda name: ACCOUNTS[name].words if name in ACCOUNTS else name)

    def by_asset(self, source: str) -> pd.Series:
        """Nominal cost of what a source may finance, by asset class."""
        tranche = next((t for t in self.found.project.sources if t.id == source), None)
        sums: dict[str, float] = {}
        for spend in self.found.project.spending if tranche is not None else ():
            if tranche is not None and tranche.eligibility.allows(spend):
                sums[spend.asset] = sums.get(spend.asset, 0.0) + float(spend.musd.sum())
        return pd.Series(sums, dtype=float)

    def at_least_cover(self) -> pd.Series:
        """Cash flow and debt service of the quarter of the least cover, MUSD."""
        cover, flows = self.found.statements.ratios["dscr"], self.found.statements.cash_flow
        known = cover[np.isfinite(cover)]
        if not len(known):
            return pd.Series(dtype=float)
        row = flows.loc[known.idxmin()]
        service = row["interest"] + row["fees"] + row["principal"]
        return pd.Series(
            {
                "revenue": row["revenue"],
                "running cost": -row["opex"],
                "tax": -row["tax"],
                "debt service": -service,
            }
        )

    def hours(self) -> float:
        """Millions of accelerator-hours that serve from operation on."""
        used = _usage(self).used
        assert used is not None
        return float(used[self.found.project.operation_from :].sum())


def side_by_side(base: Side, other: Side) -> pd.DataFrame:
    """figure, of, unit, base, other, difference, reason: a row a figure."""
    rows = [
        *_peaks(base, other),
        *_drawn(base, other),
        *_commitments(base, other),
        _cover(base, other),
        _tariff(base, other),
    ]
    table = pd.DataFrame(rows, columns=[c for c in COLUMNS if c != "difference"])
    table["difference"] = table["other"] - table["base"]
    same = table["difference"].abs() <= NOISE
    table.loc[same, "reason"] = "no difference"
    return table[COLUMNS]


def because(base: pd.Series, other: pd.Series, unit: str = "MUSD", change: float | None = None) -> str:
    """The parts of a sum that differ most between two plans.

    ``change``: difference of the figure. Parts that together move the other way, or not at all, are not its reason.

    >>> base, other = pd.Series({"halls": 40.0, "goods": 10.0}), pd.Series({"halls": 30.0, "goods": 10.0, "rent": 2.5})
    >>> because(base, other, change=-9.0)
    'halls -10, rent +2.5 MUSD'
    >>> because(base, other, change=2.0)
    'other sources, prices or terms'
    """
    moved = other.sub(base, fill_value=0.0)
    moved = moved[moved.abs() > NOISE]
    if moved.empty or (change is not None and moved.sum() * change < 0):
        return OTHERWISE
    largest = moved.loc[moved.abs().sort_values(ascending=False).index[:PARTS]]
    return ", ".join(f"{name} {value:+.3g}" for name, value in largest.items()) + f" {unit}"


Row = tuple[str, str, str, float, float, str]


def _peaks(base: Side, other: Side) -> list[Row]:
    """Largest running total of what each owner pays less what it receives."""
    peaks = [owners(s.found).groupby("payer")["cumulative_musd"].max().clip(lower=0.0) for s in (base, other)]
    names = list(dict.fromkeys([*peaks[0].index, *peaks[1].index]))
    rows: list[Row] = []
    for n in names:
        ends = [float(peak.get(n, 0.0)) for peak in peaks]
        why = because(base.by_account(n), other.by_account(n), change=ends[1] - ends[0])
        rows.append(("peak funding", n, "MUSD", ends[0], ends[1], why))
    return rows


def _drawn(base: Side, other: Side) -> list[Row]:
    drawn = [
        {t.id: float(s.found.statements.sources[f"{t.kind}:{t.id}"].sum())
         for t in s.found.project.sources if t.kind != EQUITY}
        for s in (base, other)
    ]  # fmt: skip
    return [
        ("drawn from a source", n, "MUSD", drawn[0].get(n, 0.0), drawn[1].get(n, 0.0),
         because(base.by_asset(n), other.by_asset(n), change=drawn[1].get(n, 0.0) - drawn[0].get(n, 0.0)))
        for n in dict.fromkeys([*drawn[0], *drawn[1]])
    ]  # fmt: skip


def _commitments(base: Side, other: Side) -> list[Row]:
    rows: list[Row] = []
    for words, column in (
        ("contracts signed", "signed_musd"),
        ("contracts due after the horizon", "due_after_musd"),
    ):
        sums = [s.tables["commitments"].groupby("what")[column].sum().astype(float) for s in (base, other)]
        rows.append(
            (words, "all", "MUSD", float(sums[0].sum()), float(sums[1].sum()), because(sums[0], sums[1]))
        )
    return rows


def _cover(base: Side, other: Side) -> Row:
    least = [key_figures(s.found.statements)["min_dscr"] for s in (base, other)]
    values = [np.nan if v is None else v for v in least]
    reason = because(base.at_least_cover(), other.at_least_cover())
    reason += "" if reason == OTHERWISE else " in the worst quarter of each"
    return (
        "least DSCR",
        "all debt",
        "x",
        values[0],
        values[1],
        reason if None not in least else "no debt is due",
    )


def _tariff(base: Side, other: Side) -> Row:
    """Price per accelerator-hour, the same for all that serves, at which the least cover is that of the catalog."""
    target = Presets(base.scenario.catalog).term(SIZING)[0]
    prices, why = [], ""
    for side in (base, other):
        try:
            prices.append(_price_for(side, target))
        except FinanceError as error:
            prices.append(np.nan)
            why = error.faults[0].message
    per_hour = [s.by_account() / s.hours() if s.hours() else pd.Series(dtype=float) for s in (base, other)]
    reason = why or because(per_hour[0], per_hour[1], "USD/h", prices[1] - prices[0])
    return f"tariff for a DSCR of {target:g}", "accelerator-hour", "USD/h", prices[0], prices[1], reason


def _price_for(side: Side, target: float) -> float:
    project = side.found.project
    earned = earned_by([_usage(side)], project.price_level, project.operation_from)
    return revenue_factor(replace(project, revenue_musd=earned), MIN_DSCR, target)


def _usage(side: Side) -> Contract:
    """All that serves, sold at one dollar an accelerator-hour."""
    quarters = Quarters(Calendar.of(side.scenario.horizon), side.found.project.inflation)
    return contracts_of([Revenue(id="tariff", kind="usage", price_usd=1.0)], side.tables, quarters)[0]
