"""Two plans side by side as a lender asks: owners' money at the worst, sources, commitments, least cover, tariff for it.

The reason beside a difference is worked out from the two plans: the parts of the same sum that differ most.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from planner.case.finance import Presets
from planner.case.periods import Calendar
from planner.case.registry import ACCOUNTS, NO_OUTLAY
from planner.finance.contracts import contracts_of, earned_by
from planner.finance.faults import FinanceError
from planner.finance.from_plan import PlanFinance, finance_of
from planner.finance.ledger_flows import GRANT, PHYSICAL, Quarters
from planner.finance.revenue import Contract
from planner.finance.sources import EQUITY
from planner.finance.statements import Statements, key_figures, statements
from planner.finance.tables import owners
from planner.finance.targets import MIN_DSCR, revenue_factor
from planner.scenario.finance import Revenue
from planner.scenario.schema import Scenario

OWNERS_WORST = "owners' money at the worst"
COLUMNS = ["figure", "of", "unit", "base", "other", "difference", "reason"]
SIZING = "project-finance-sizing-dscr"
ELSE = "all else"
OTHERWISE = "other sources, prices or terms"
IN_WORST = " in the worst quarter of each"
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

    @property
    def quarters(self) -> Quarters:
        """Its periods as quarters."""
        calendar = Calendar.of(self.scenario.horizon, self.scenario.existing)
        return Quarters(calendar, self.found.project.inflation)

    def by_account(self, payer: str = "", until: int | None = None) -> pd.Series:
        """What is paid by account, MUSD: real; of one payer and to a quarter, nominal. Grants are sources, not accounts."""
        rows = self.found.payers
        if until is not None:
            quarters = self.quarters
            first = rows["t"].map(quarters.of_period)
            rows = rows[first <= until]
            level = quarters.level[np.minimum(first[first <= until].to_numpy(int), quarters.count - 1)]
            rows = rows.assign(musd=rows["musd"] * level)
        rows = rows[~rows["kind"].isin([PHYSICAL, GRANT, *NO_OUTLAY])]
        rows = rows[rows["payer"] == payer] if payer else rows
        sums = rows.groupby("account")["musd"].sum()
        return sums.rename(index=lambda name: ACCOUNTS[name].words if name in ACCOUNTS else name)

    def by_source(self, owner: str, until: int) -> pd.Series:
        """What an owner's share of the project's other flows takes from it (above 0) to a quarter, nominal MUSD."""
        made, upto = self.found.statements, slice(0, until + 1)
        share = next((t.share for t in self.found.project.sources if t.id == owner and t.kind == EQUITY), 0.0)
        flows, uses = made.cash_flow.iloc[upto].sum(), made.uses.iloc[upto].sum()
        parts = {
            f"draws of {t.id}": -float(made.sources[f"{t.kind}:{t.id}"].iloc[upto].sum())
            for t in self.found.project.sources
            if t.kind != EQUITY
        } | {
            "debt service": flows["interest"] + flows["fees"] + flows["principal"],
            "costs of finance": uses["finance_costs"] + uses["premium"],
            "revenue": -flows["revenue"],
            "tax": flows["tax"],
        }
        return share * pd.Series(parts, dtype=float)

    def by_asset(self, source: str) -> pd.Series:
        """Nominal cost of what a source may finance, by asset class."""
        tranche = next((t for t in self.found.project.sources if t.id == source), None)
        sums: dict[str, float] = {}
        for spend in self.found.project.spending if tranche is not None else ():
            if tranche is not None and tranche.eligibility.allows(spend):
                sums[spend.asset] = sums.get(spend.asset, 0.0) + float(spend.musd.sum())
        return pd.Series(sums, dtype=float)

    def at_least_cover(self) -> pd.Series:
        return at_least_cover(self.found.statements)


def at_least_cover(found: Statements) -> pd.Series:
    """Cash flow and debt service of the quarter of the least cover, MUSD."""
    cover, flows = found.ratios["dscr"], found.cash_flow
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

    ``change``: difference of the figure. Parts that together move the other way, or not at all, are not its reason; what
    they leave of it is named, so that what is told adds up.

    >>> base, other = pd.Series({"halls": 40.0, "goods": 10.0}), pd.Series({"halls": 30.0, "goods": 10.0, "rent": 2.5})
    >>> because(base, other, change=-9.0)
    'halls -10, rent +2.5, all else -1.5 MUSD'
    >>> because(base, other, change=2.0)
    'other sources, prices or terms'
    """
    moved = other.sub(base, fill_value=0.0)
    moved = moved[moved.abs() > NOISE]
    if moved.empty or (change is not None and moved.sum() * change < 0):
        return OTHERWISE
    largest = moved.loc[moved.abs().sort_values(ascending=False).index[:PARTS]]
    whole = float(moved.sum()) if change is None else change
    told = {str(name): float(value) for name, value in largest.items()} | {ELSE: whole - float(largest.sum())}
    return (
        ", ".join(f"{name} {value:+.3g}" for name, value in told.items() if abs(value) > NOISE) + f" {unit}"
    )


Row = tuple[str, str, str, float, float, str]


def _peaks(base: Side, other: Side) -> list[Row]:
    """Largest running total of what each owner pays less what it receives."""
    totals = [owners(s.found).set_index("date").groupby("payer")["cumulative_musd"] for s in (base, other)]
    peaks = [total.max().clip(lower=0.0) for total in totals]
    at = [
        s.found.statements.uses.index.get_indexer(total.idxmax())
        for s, total in zip((base, other), totals, strict=True)
    ]
    when = [dict(zip(peak.index, q, strict=True)) for peak, q in zip(peaks, at, strict=True)]
    names = list(dict.fromkeys([*peaks[0].index, *peaks[1].index]))
    rows: list[Row] = []
    for n in names:
        ends = [float(peak.get(n, 0.0)) for peak in peaks]
        paid = [
            pd.concat([s.by_account(n, int(q.get(n, -1))), s.by_source(n, int(q.get(n, -1)))])
            for s, q in zip((base, other), when, strict=True)
        ]
        why = because(paid[0], paid[1], change=ends[1] - ends[0])
        rows.append((OWNERS_WORST, n, "MUSD", ends[0], ends[1], why))
    return rows


def _drawn(base: Side, other: Side) -> list[Row]:
    """What is bought, at the share that the base draws of it, and all else: shares, caps and terms of the source."""
    drawn = [
        {t.id: float(s.found.statements.sources[f"{t.kind}:{t.id}"].sum())
         for t in s.found.project.sources if t.kind != EQUITY}
        for s in (base, other)
    ]  # fmt: skip
    rows: list[Row] = []
    for n in dict.fromkeys([*drawn[0], *drawn[1]]):
        ends, costs = [d.get(n, 0.0) for d in drawn], [s.by_asset(n) for s in (base, other)]
        known = 0 if costs[0].sum() else 1
        share = ends[known] / costs[known].sum() if costs[known].sum() else 0.0
        why = because(share * costs[0], share * costs[1], change=ends[1] - ends[0])
        rows.append(("drawn from a source", n, "MUSD", ends[0], ends[1], why))
    return rows


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
    reason += "" if reason == OTHERWISE else IN_WORST
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
    prices, parts, why = [], [], ""
    for side in (base, other):
        try:
            price, made = _price_for(side, target)
        except FinanceError as error:
            price, made = np.nan, pd.Series(dtype=float)
            why = error.faults[0].message
        prices.append(price)
        parts.append(made)
    reason = why or because(parts[0], parts[1], "USD/h", prices[1] - prices[0])
    reason += "" if why or reason == OTHERWISE else IN_WORST
    return f"tariff for a DSCR of {target:g}", "accelerator-hour", "USD/h", prices[0], prices[1], reason


def _price_for(side: Side, target: float) -> tuple[float, pd.Series]:
    """The price, and what it is made of in the quarter of the least cover: debt service times the cover, cost, tax."""
    project = side.found.project
    earned = earned_by([_usage(side)], project.price_level, project.operation_from)
    price = revenue_factor(replace(project, revenue_musd=earned), MIN_DSCR, target)
    made = statements(replace(project, revenue_musd=price * earned))
    cover = made.ratios["dscr"].to_numpy()
    q = int(np.where(np.isfinite(cover), cover, np.inf).argmin())
    if not earned[q]:
        return price, pd.Series(dtype=float)
    row = made.cash_flow.iloc[q]
    needed = {
        "debt service": target * (row["interest"] + row["fees"] + row["principal"]),
        "running cost": row["opex"],
        "tax": row["tax"],
        "VAT": row["vat"],
    }
    return price, pd.Series(needed, dtype=float) / earned[q]


def _usage(side: Side) -> Contract:
    """All that serves, sold at one dollar an accelerator-hour."""
    return contracts_of([Revenue(id="tariff", kind="usage", price_usd=1.0)], side.tables, side.quarters)[0]
