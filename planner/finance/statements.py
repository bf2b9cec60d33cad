"""Statements of a project: sources and uses, cash flow, income, balance sheet, ratios; by quarter and by year.

Money is nominal MUSD; ``real`` takes the price level out. Every statement is built from the same quarters, so that
its checks (sources less uses, assets less liabilities) compare sums that were formed apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from planner.case.loans import QUARTERS_PER_YEAR
from planner.finance.cascade import OWED_MUSD
from planner.finance.coverage import dscr, life_cover
from planner.finance.faults import IrrError
from planner.finance.kernel import Array, irr, payback
from planner.finance.project import Project
from planner.finance.settle import Settled, settle
from planner.finance.sources import EQUITY, GRANT, MONTHS_PER_QUARTER

SOLD_MUSD = 1e-6
"""Revenue up to which nothing is sold."""
LEAST_EQUITY = 0.01
"""Share of all uses that owners must pay in for a return on it to mean anything."""
STOCKS = (
    "fixed_assets",
    "vat_receivable",
    "dsra",
    "refresh_reserve",
    "cash",
    "debt",
    "grants",
    "paid_in",
    "retained",
)


@dataclass(frozen=True)
class Statements:
    """All tables have one row a quarter, indexed by its first day, except ``summary`` and ``by_source``.

    ``uses``, ``sources``, ``cash_flow``, ``income``, ``balance_sheet``: MUSD. ``ratios``: dscr, trailing_dscr, llcr,
    plcr (inf without debt), locked, in_default. ``by_source``: quarter and source; draw, interest, fees, principal,
    balance in the source's currency, balance_musd. ``caps``: source -> the cap that binds.
    """

    uses: pd.DataFrame
    sources: pd.DataFrame
    cash_flow: pd.DataFrame
    income: pd.DataFrame
    balance_sheet: pd.DataFrame
    ratios: pd.DataFrame
    by_source: pd.DataFrame
    caps: dict[str, str]
    price_level: pd.Series

    @property
    def equity_flows(self) -> Array:
        """What owners pay and receive, by quarter."""
        paid = self.sources.filter(like="equity:").sum(axis=1) + self.cash_flow["support"]
        return np.asarray(self.cash_flow["distributed"] - paid, dtype=float)

    @property
    def project_flows(self) -> Array:
        """Before finance: capex, CFADS, residual."""
        flows = self.cash_flow
        return np.asarray(
            flows["cfads"] + flows["residual"] - self.uses["capex"] - flows["vat_while_building"], float
        )


def statements(project: Project) -> Statements:
    """Every statement; raises FinanceError as ``settle`` does."""
    return statements_of(settle(project))


def statements_of(found: Settled) -> Statements:
    """Every statement of a project that settled."""
    project = found.setup.project
    index = _quarters(project)

    def table(lines: dict[str, Array]) -> pd.DataFrame:
        return pd.DataFrame(lines, index=index)

    return Statements(
        uses=table(_uses(found)),
        sources=table(_sources(found)),
        cash_flow=table(_cash_flow(found)),
        income=table(_income(found)),
        balance_sheet=table(_balance(found)),
        ratios=table(_ratios(found)),
        by_source=_by_source(found, index),
        caps=dict(found.caps),
        price_level=pd.Series(project.price_level, index=index),
    )


def spending_by(project: Project, what: str) -> pd.DataFrame:
    """Capex in MUSD, quarter by ``asset``, ``payer`` or ``country``."""
    total: dict[str, Array] = {}
    for spend in project.spending:
        name = getattr(spend, what)
        total[name] = total.get(name, np.zeros(project.quarters)) + spend.musd
    return pd.DataFrame(total, index=_quarters(project))


def contingent_liabilities(project: Project, found: Statements) -> pd.Series:
    """What the state would owe if nothing were paid any more, MUSD by quarter."""
    owed = [
        t.guaranteed_share * found.by_source.loc[t.id, "balance_musd"] for t in project.sources if t.is_debt
    ]
    return sum(owed, start=pd.Series(0.0, index=found.uses.index))


def by_year(flows: pd.DataFrame) -> pd.DataFrame:
    """Flows by calendar year; of a balance sheet take ``at_year_ends``."""
    return flows.groupby(flows.index.year).sum()


def at_year_ends(stocks: pd.DataFrame) -> pd.DataFrame:
    """Balances at the end of each calendar year."""
    return stocks.groupby(stocks.index.year).last()


def real(table: pd.DataFrame, price_level: pd.Series) -> pd.DataFrame:
    """A table of money in prices of the project's start."""
    return table.div(price_level, axis=0)


def yearly_irr(quarterly_flows: Array) -> float | None:
    """Rate of return a year, compounded; None where flows have none or several."""
    try:
        return float((1.0 + irr(quarterly_flows)) ** QUARTERS_PER_YEAR - 1.0)
    except IrrError:
        return None


def key_figures(found: Statements) -> dict[str, float | None]:
    """Peaks, totals and ratios of a project; None where a figure does not exist.

    ``equity_irr`` also where owners pay in less than ``LEAST_EQUITY`` of all uses, and no return where nothing is sold:
    what is left at the end would be all that comes back.
    """
    ratios, sheet = found.ratios, found.balance_sheet
    equity = found.equity_flows
    uses = float(found.uses.sum().sum())
    owners = float(found.sources.filter(like="equity:").sum().sum())
    paid_in = owners + float(found.cash_flow["support"].sum())
    sold = float(found.cash_flow["revenue"].abs().sum()) > SOLD_MUSD
    quarters = payback(equity)
    first = ratios["llcr"][np.isfinite(ratios["llcr"])]
    return {
        "uses_musd": uses,
        "equity_musd": owners,
        "grants_musd": float(found.sources.filter(like=f"{GRANT}:").sum().sum()),
        "support_musd": float(found.cash_flow["support"].sum()),
        "peak_debt_musd": float(sheet["debt"].max()),
        "peak_equity_musd": float(max(0.0, -np.cumsum(equity).min())),
        "min_dscr": _least(ratios["dscr"]),
        "min_llcr": _least(ratios["llcr"]),
        "min_plcr": _least(ratios["plcr"]),
        "llcr_at_first_repayment": float(first.iloc[0]) if len(first) else None,
        "equity_irr": yearly_irr(equity) if sold and paid_in >= LEAST_EQUITY * uses else None,
        "project_irr": yearly_irr(found.project_flows) if sold else None,
        "equity_payback_years": None if quarters is None else quarters / QUARTERS_PER_YEAR,
        "quarters_locked_up": float(ratios["locked"].sum()),
        "quarters_in_default": float(ratios["in_default"].sum()),
    }


def _quarters(project: Project) -> pd.DatetimeIndex:
    """First day of each quarter."""
    first = pd.Timestamp(project.start)
    days = [first + pd.DateOffset(months=MONTHS_PER_QUARTER * q) for q in range(project.quarters)]
    return pd.DatetimeIndex(days, name="quarter")


def _least(ratio: pd.Series) -> float | None:
    known = ratio[np.isfinite(ratio)]
    return float(known.min()) if len(known) else None


def _uses(found: Settled) -> dict[str, Array]:
    names = ("finance_costs", "premium", "vat_paid", "reserve_funded", "cash_added")
    return {"capex": found.setup.capex, **{name: found.run.lines[name] for name in names}}


def _sources(found: Settled) -> dict[str, Array]:
    """What each source pays, in MUSD; equity in the shares of its owners."""
    setup, lines = found.setup, found.run.lines
    paid = {f"{t.kind}:{t.id}": found.run.draws[j] * setup.exchange[j] for j, t in enumerate(setup.tranches)}
    owners = {
        f"{EQUITY}:{t.id}": t.share * lines["equity"] for t in setup.project.sources if t.kind == EQUITY
    }
    rest = {name: lines[name] for name in ("vat_refunded", "cash_used", "refresh_used")}
    return {**paid, **owners, **rest}


def _cash_flow(found: Settled) -> dict[str, Array]:
    """The waterfall of operation, and how cash held moves."""
    setup, lines, project = found.setup, found.run.lines, found.setup.project
    operating = np.arange(project.quarters) >= project.operation_from
    held = lines["dsra"] + lines["refresh"] + lines["cash"]
    return {
        "revenue": np.where(operating, project.revenue_musd, 0.0),
        "opex": np.where(operating, project.opex_musd, 0.0),
        "tax": np.where(operating, found.given.tax, 0.0),
        "vat": np.where(operating, -setup.vat, 0.0),
        "vat_while_building": np.where(operating, 0.0, setup.vat),
        **{name: lines[name] for name in ("cfads", "interest", "fees", "principal", "swept", "cash_interest",
                                          "residual", "support", "distributed", "refresh_used")},
        "cash_held": held,
        "to_dsra": np.diff(lines["dsra"], prepend=0.0),
        "to_refresh_reserve": np.diff(lines["refresh"], prepend=0.0),
    }  # fmt: skip


def _income(found: Settled) -> dict[str, Array]:
    project, lines = found.setup.project, found.run.lines
    operating = np.arange(project.quarters) >= project.operation_from
    return {
        "revenue": np.where(operating, project.revenue_musd, 0.0),
        "opex": np.where(operating, project.opex_musd, 0.0),
        "depreciation": found.depreciation,
        "interest": lines["interest"],
        "fees": lines["fees"],
        "cash_interest": lines["cash_interest"],
        "exchange_gain": found.exchange_gain,
        "disposal_gain": lines["residual"] - found.written_off,
        "before_tax": found.income,
        "tax": found.given.tax,
        "net": found.income - found.given.tax,
        "losses_carried": found.losses,
    }


def _balance(found: Settled) -> dict[str, Array]:
    """Assets and what they are owed to; ``check`` is their difference."""
    setup, run, lines = found.setup, found.run, found.run.lines
    is_debt = np.array([t.is_debt for t in setup.tranches], dtype=bool)
    net = found.income - found.given.tax
    sheet = {
        "fixed_assets": found.book_value,
        "vat_receivable": np.cumsum(setup.vat),
        "dsra": lines["dsra"],
        "refresh_reserve": lines["refresh"],
        "cash": lines["cash"],
        "debt": (run.balance * setup.exchange)[is_debt].sum(axis=0),
        "grants": np.cumsum(lines["grants"]),
        "paid_in": np.cumsum(lines["equity"] + lines["support"]),
        "retained": np.cumsum(net - lines["distributed"]),
    }
    assets = sum(sheet[name] for name in STOCKS[:5])
    return {**sheet, "check": assets - sum(sheet[name] for name in STOCKS[5:])}


def _ratios(found: Settled) -> dict[str, Array]:
    setup, run, lines = found.setup, found.run, found.run.lines
    project, n = setup.project, setup.project.quarters
    is_debt = np.array([t.is_debt for t in setup.tranches], dtype=bool)
    usd = run.balance[is_debt] * setup.exchange[is_debt]
    balance = usd.sum(axis=0)
    service = lines["interest"] + lines["fees"] + lines["principal"]
    opening = np.concatenate([[0.0], balance[:-1]])
    owed, due = opening > OWED_MUSD, service > OWED_MUSD
    rates = np.divide(lines["interest"] + lines["fees"], opening, out=np.zeros(n), where=owed)
    ends = int(np.flatnonzero(due)[-1]) if due.any() else -1
    life = np.arange(n) <= ends
    rates[ends + 1 :] = rates[ends]  # past the debt, its last rate
    operating = np.arange(n) >= project.operation_from - 1
    cover = dscr(lines["cfads"], service)
    llcr = np.append(life_cover(np.where(life, lines["cfads"], 0.0), rates, balance), np.inf)
    plcr = np.append(life_cover(lines["cfads"], rates, balance), np.inf)
    terms = project.covenants
    trailing = np.where(due, lines["trailing_dscr"], np.inf)
    return {
        "dscr": cover,
        "trailing_dscr": trailing,
        "llcr": np.where(operating, llcr, np.inf),
        "plcr": np.where(operating, plcr, np.inf),
        "locked": trailing < terms.lock_up_dscr,
        "in_default": (trailing < terms.default_dscr) | (due & (lines["support"] > 0)),
    }


def _by_source(found: Settled, index: pd.DatetimeIndex) -> pd.DataFrame:
    run = found.run
    columns = {"draw": run.draws, "interest": run.interest, "fees": run.fees, "principal": run.principal,
               "balance": run.balance, "balance_musd": run.balance * found.setup.exchange}  # fmt: skip
    parts = {
        tranche.id: pd.DataFrame({name: rows[j] for name, rows in columns.items()}, index=index)
        for j, tranche in enumerate(found.setup.tranches)
    }
    return pd.concat(parts, names=["source"]) if parts else pd.DataFrame(columns=list(columns))
