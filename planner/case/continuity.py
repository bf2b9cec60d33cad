"""What is served once stays served: in which periods, how much of it, and what data take away.

A row of ``kept`` ties a period to the one before. There is none

- before bought or rented capacity could go live for the workload, or in periods in which none can: what stands
  already is then used until it goes;
- where fewer sites can be ready than the survival share needs, so that all service must end;
- for a workload that may lapse, and across a pause in its demand.

``losses`` says what data take from an offer at the start of a period, and ``lapses`` which work may end with it:
retirement, the end of a contract, a falling cap on capacity, a cut of service. What was bought in the plan itself and
reaches the end of its life or term is no such loss: it can be replaced.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from planner.case.case import Case
from planner.case.columns import looked_up
from planner.case.context import keyed
from planner.case.cuts import offers_cut
from planner.case.readiness import servable

HAK = ["h", "a", "k"]
HAKT = [*HAK, "t"]


def with_kept_service(case: Case) -> Case:
    """The case with its tables of what is kept.

    ``kept``    (w, before, t) -> share: of the demand of t, what was asked for in the period before too
    ``lapses``  (w, h, a, k, before, t) -> weight: share of the demand of t that a thousand accelerators did before
    ``losses``  (h, a, k, t) -> working_k: thousands of accelerators at work that data take away
    """
    kept, losses = _kept(case), _losses(case)
    finite = losses[np.isfinite(losses["working_k"])]
    return replace(case, kept=kept, lapses=_lapses(case, kept, losses), losses=finite)


def _kept(case: Case) -> pd.DataFrame:
    demand = case.demand.reset_index(drop=True)
    rows = demand[(demand["carried_kref"] > 0) & ~looked_up(demand["w"], case.workloads["may_lapse"])]
    possible = servable(case)
    new = pd.concat([table[HAKT] for table in (case.orders, case.rents)], ignore_index=True).drop_duplicates()
    fresh = possible.merge(new, on=HAKT)[["w", "t"]].drop_duplicates()
    sites = possible.groupby(["w", "t"])["p"].nunique().rename("sites").reset_index()
    rows = rows.merge(fresh, on=["w", "t"]).merge(sites, on=["w", "t"])
    survives = rows["t"] >= looked_up(rows["w"], case.workloads["survive_t"])
    rows = rows[~(survives & (rows["sites"] < 2))]
    share = rows["carried_kref"] / rows["demand_kref"]
    return keyed(rows.assign(before=rows["t"] - 1, share=share)[["w", "before", "t", "share"]],
                 ["w", "before", "t"], ["share"])  # fmt: skip


def _losses(case: Case) -> pd.DataFrame:
    """Thousands of accelerators at work that an offer loses at the start of a period; inf where all of them."""
    rows = pd.concat([_retired(case), _capped(case)], ignore_index=True)
    rows = rows.assign(working_k=rows["k_lost"] * case.physics["availability"])[[*HAKT, "working_k"]]
    rows = pd.concat([rows, _cut(case)], ignore_index=True).astype({"t": int, "working_k": float})
    return keyed(rows.groupby(HAKT, as_index=False)["working_k"].sum(), HAKT, ["working_k"])


def _falls(table: pd.DataFrame, keys: list[str], value: str, n: int) -> pd.DataFrame:
    """keys, t, fall: how much less of a value there is than in the period before; 0 where it is not stated."""
    if not len(table):
        return pd.DataFrame(columns=[*keys, "t", "fall"])
    by = [table[k].to_numpy() for k in (*keys, "t")]
    wide = table[value].astype(float).groupby(by).sum().unstack(fill_value=0.0)
    wide = wide.reindex(columns=range(n), fill_value=0.0)
    fall = -wide.diff(axis=1).stack()
    fall = fall[fall > 0]
    return fall.rename("fall").rename_axis([*keys, "t"]).reset_index()


def _retired(case: Case) -> pd.DataFrame:
    """Existing fleets that retire and contracts that end."""
    return _falls(case.fleet, HAK, "existing_k", case.calendar.n).rename(columns={"fall": "k_lost"})


def _capped(case: Case) -> pd.DataFrame:
    """Falling caps on capacity: any of their members may be the one that shrinks."""
    caps = case.quotas[case.quotas["kind"] == "capacity"]
    rows = _falls(caps, ["q"], "amount_k", case.calendar.n)
    rows = rows.merge(case.quota_members[["q", *HAK, "weight"]].reset_index(drop=True), on="q")
    return rows.assign(k_lost=rows["fall"] / rows["weight"].astype(float))[[*HAKT, "k_lost"]]


def _cut(case: Case) -> pd.DataFrame:
    """Cuts of service end all work of the offers they name."""
    rows = []
    for cut in case.scenario.cuts:
        t = case.calendar.first_from(cut.from_)
        if cut.what == "service" and 0 < t < case.calendar.n:
            rows += [(*offer, t, np.inf) for offer in offers_cut(case.offers, cut).index]
    return pd.DataFrame(rows, columns=[*HAKT, "working_k"])


def _lapses(case: Case, kept: pd.DataFrame, losses: pd.DataFrame) -> pd.DataFrame:
    """Work of the period before on an offer that loses something, where service is kept otherwise."""
    rows = (
        kept[["w", "before", "t"]].reset_index(drop=True).merge(losses[HAKT].reset_index(drop=True), on="t")
    )
    did = case.serve[["w", *HAKT, "rate"]].reset_index(drop=True).rename(columns={"t": "before"})
    rows = rows.merge(did, on=["w", *HAK, "before"])
    demand = case.demand[["w", "t", "demand_kref"]].reset_index(drop=True)
    rows = rows.merge(demand, on=["w", "t"], how="left")
    keys = ["w", *HAK, "before", "t"]
    weight = rows["rate"].astype(float) / rows["demand_kref"].astype(float)
    return keyed(rows.assign(weight=weight)[[*keys, "weight"]], keys, ["weight"])
