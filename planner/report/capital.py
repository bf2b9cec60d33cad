"""Capital needs, read from the ledger: when money is needed, for what, from whom, for equipment from where.

Money is real MUSD of the scenario's price year. "Capital" is capex less grants, booked in the quarter the
money leaves; "outlay" is every payment. Residual values are never netted against a need: they are apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from planner.case.registry import NO_OUTLAY
from planner.report.terms import heading, term

CAPITAL_KINDS = ("capex", "grant")
OUTLAY_KINDS = ("capex", "opex", "energy", "rent", "fee", "tax", "grant")
SPLITS = ("account", "asset_class", "kind", "origin_iso3", "payer", "h", "p", "supplier")
PARTNER = "partner"
OTHER = "other"
NONE = "not stated"


def outlays(
    ledger: pd.DataFrame, kinds: tuple[str, ...] = CAPITAL_KINDS, payer: str | None = None
) -> pd.DataFrame:
    """Ledger rows that are payments of these kinds (of one payer, or all)."""
    rows = ledger["kind"].isin(kinds) & (ledger["musd"] != 0)
    if payer:
        rows &= ledger["payer"] == payer
    return ledger[rows]


def periods(ledger: pd.DataFrame) -> pd.DataFrame:
    """t, label, year of every period of the horizon, without the end row of residual values."""
    table = ledger[~ledger["kind"].isin(NO_OUTLAY)][["t", "label", "year"]]
    return table.drop_duplicates("t").sort_values("t").reset_index(drop=True)


def needs(
    ledger: pd.DataFrame,
    by: str = "account",
    kinds: tuple[str, ...] = CAPITAL_KINDS,
    payer: str | None = None,
    top: int = 7,
) -> pd.DataFrame:
    """Long table t, label, year, <by>, musd: needs by quarter, the smallest parts gathered as "other"."""
    rows = outlays(ledger, kinds, payer)
    part = rows[by].fillna("").astype(str).replace("", NONE)
    totals = rows["musd"].abs().groupby(part).sum().sort_values(ascending=False)
    kept = list(totals.index[:top])
    if len(totals) > top + 1:
        part = part.where(part.isin(kept), OTHER)
    table = rows.assign(**{by: part}).groupby(["t", "label", "year", by], as_index=False)["musd"].sum()
    return table.sort_values(["t", by]).reset_index(drop=True)


def calendar(
    ledger: pd.DataFrame,
    by: str = "account",
    kinds: tuple[str, ...] = CAPITAL_KINDS,
    payer: str | None = None,
) -> pd.DataFrame:
    """The capital calendar: a row a quarter (all of the horizon), a column a part, "total" last."""
    wide = needs(ledger, by, kinds, payer, top=1000).pivot(index="t", columns=by, values="musd")
    every = periods(ledger).set_index("t")
    wide = wide.reindex(every.index).fillna(0.0)
    wide = wide[wide.sum().sort_values(ascending=False).index] if len(wide.columns) else wide
    wide["total"] = wide.sum(axis=1)
    wide.columns.name = None
    return every.join(wide).reset_index(drop=True)


def calendar_told(
    ledger: pd.DataFrame,
    by: str = "account",
    kinds: tuple[str, ...] = CAPITAL_KINDS,
    payer: str | None = None,
    names: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """The same with its parts in words; ``names``: id -> name."""
    rows = calendar(ledger, by, kinds, payer)
    words = {
        c: heading(c) if c in ("label", "year", "total") else (names or {}).get(c) or term(by, c)
        for c in rows.columns
    }
    return rows.assign(year=rows["year"].astype(str)).rename(columns=words)


class Funding(NamedTuple):
    """The peak of cumulative funding: amount and the quarter in which it is reached."""

    musd: float
    label: str


def served_from(kpis: pd.DataFrame, ledger: pd.DataFrame) -> int:
    """First period with service; the horizon's end where there is none."""
    months = float(kpis.loc[kpis["kpi"] == "first_service_months", "value"].iloc[0])
    if np.isnan(months):
        return int(ledger["t"].max()) + 1
    first = ledger["date"].min() + pd.DateOffset(months=round(months))
    return int(ledger.loc[ledger["date"] >= first, "t"].min())


def funding(
    ledger: pd.DataFrame, service_t: int, payer: str | None = PARTNER
) -> tuple[pd.DataFrame, Funding]:
    """What has to be funded over the horizon, and where its running total peaks.

    t, label, year, outlay_musd (all payments net of grants), outlay_total_musd (its running total), need_musd (capital
    net of grants, and all payments before ``service_t``, the first period with service), cumulative_musd (its running
    total). Once there is service, running costs are paid as they fall, from revenue or a budget.
    """
    table = periods(ledger)
    paid = outlays(ledger, OUTLAY_KINDS, payer)
    need = paid[paid["kind"].isin(CAPITAL_KINDS) | (paid["t"] < service_t)]
    for name, running, rows in (
        ("outlay_musd", "outlay_total_musd", paid),
        ("need_musd", "cumulative_musd", need),
    ):
        table[name] = table["t"].map(rows.groupby("t")["musd"].sum()).fillna(0.0).astype(float)
        table[running] = table[name].cumsum()
    if not len(table):
        return table, Funding(0.0, "")
    top = int(np.argmax(table["cumulative_musd"].to_numpy()))
    return table, Funding(float(table["cumulative_musd"].iloc[top]), str(table["label"].iloc[top]))


def residuals(ledger: pd.DataFrame) -> pd.DataFrame:
    """asset_class, musd, musd_discounted: what assets are sold for or worth at the end (negative: it reduces cost)."""
    rows = ledger[ledger["kind"] == "residual"]
    table = rows.groupby(["asset_class", "payer"], as_index=False)[["musd", "musd_discounted"]].sum()
    return table.sort_values("musd").reset_index(drop=True)


def cost_composition(ledger: pd.DataFrame, payer: str = PARTNER) -> pd.DataFrame:
    """kind, account, musd, musd_discounted of one payer: sums to cost_npv_musd for the partner."""
    rows = ledger[(ledger["payer"] == payer) & (ledger["kind"] != "physical")]
    table = rows.groupby(["kind", "account"], as_index=False)[["musd", "musd_discounted"]].sum()
    return table.sort_values("musd_discounted", ascending=False).reset_index(drop=True)


def by_content(content: pd.DataFrame | None) -> pd.DataFrame:
    """iso3, content_musd (value made there), seat_musd (paid to vendors seated there), the largest first."""
    if content is None or not len(content):
        return pd.DataFrame(columns=["iso3", "content_musd", "seat_musd"])
    sums = {f"{name}_musd": content.groupby(content[column].replace("", NONE))["musd"].sum()
            for name, column in (("content", "content_iso3"), ("seat", "origin_iso3"))}  # fmt: skip
    table = pd.DataFrame(sums).fillna(0.0).rename_axis("iso3").reset_index()
    return table.sort_values("content_musd", ascending=False).reset_index(drop=True)


def flows(ledger: pd.DataFrame, kinds: tuple[str, ...] = CAPITAL_KINDS, top: int = 7) -> pd.DataFrame:
    """Sources and uses as links source, target, musd, stage: payer -> account -> country of origin.

    Grants are a source of their own and reduce no use. Every account's inflow equals its outflow.
    """
    rows = outlays(ledger, tuple(k for k in kinds if k != "grant"))
    rows = rows[rows["musd"] > 0]
    if not len(rows):
        return pd.DataFrame({"source": [], "target": [], "musd": [], "stage": []})
    payer, account, origin = (
        rows[c].fillna("").astype(str).replace("", NONE) for c in ("payer", "account", "origin_iso3")
    )
    account = _largest(account, rows["musd"], top)
    origin = _largest(origin, rows["musd"], top)
    parts = []
    for stage, (left, right) in (("source", (payer, account)), ("use", (account, origin))):
        link = pd.DataFrame({"source": left, "target": right, "musd": rows["musd"]})
        parts.append(link.groupby(["source", "target"], as_index=False)["musd"].sum().assign(stage=stage))
    return pd.concat(parts, ignore_index=True)


def _largest(names: pd.Series, amounts: pd.Series, top: int) -> pd.Series:
    totals = amounts.groupby(names).sum().sort_values(ascending=False)
    return names if len(totals) <= top + 1 else names.where(names.isin(totals.index[:top]), OTHER)
