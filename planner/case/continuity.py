"""What is served once stays served: in which periods, how much of it, and what data take away.

A row of ``kept`` ties a period to the one before. There is none

- before bought or rented capacity could go live for the workload: what stands already is then used until it goes;
- where all that could be ready is lost with one member of a class whose loss must be survived, so that all service must end;
- for a workload that may lapse, and across a pause in its demand.

``losses`` says what data take from an offer at the start of a period, and ``lapses`` which work may end with it:
retirement, the end of a contract, a falling cap on capacity, a cut of service. What agreements take when they end service
hangs on what was signed and ordered under them (``orders_ended``, ``work_ended``). What was bought in the plan itself and
reaches the end of its life or of its longest term is such a loss only where nothing can go live instead.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from planner.case.case import Case
from planner.case.columns import empty_table, joined, looked_up
from planner.case.context import keyed
from planner.case.cuts import offers_cut
from planner.case.readiness import servable
from planner.case.resilience import alone

HAK = ["h", "a", "k"]
HAKT = [*HAK, "t"]


def with_kept_service(case: Case) -> Case:
    """The case with its tables of what is kept.

    ``kept``    (w, before, t) -> share: of the demand of t, what was asked for in the period before too
    ``lapses``  (w, h, a, k, before, t) -> weight: share of the demand of t that a thousand accelerators did before
    ``losses``  (h, a, k, t) -> working_k: thousands of accelerators at work that data take away; own: whether what
                was bought in the plan and ends there is lost too
    """
    possible = servable(case)
    fresh = _fresh(case, possible)
    kept = _kept(case, possible, fresh)
    losses, own = _losses(case), _ending(case, kept, possible, fresh)
    orders, work = orders_ended(case), work_ended(case)
    if not any(map(len, (losses, own, orders, work))):  # as in most small cases
        lapses = keyed([], ["w", *HAK, "before", "t"], ["weight"])
        return replace(case, kept=kept, lapses=lapses, losses=keyed([], HAKT, ["working_k", "own"]))
    named = keyed(pd.concat([losses[HAKT], orders[HAKT]]).drop_duplicates(), HAKT, [])
    lapses = _lapses(case, kept, named, pd.concat([own, work[["w", *HAKT]]], ignore_index=True))
    ends = own[HAKT].drop_duplicates().assign(working_k=0.0, own=True)
    agreed = pd.concat([orders[HAKT], work[HAKT]]).drop_duplicates()
    agreed = joined(agreed, lapses[HAKT].drop_duplicates(), HAKT).assign(working_k=0.0, own=False)
    both = pd.concat([losses.reset_index(drop=True).assign(own=False), ends, agreed], ignore_index=True)
    both = both.groupby(HAKT, as_index=False).agg({"working_k": "sum", "own": "any"})
    finite = keyed(both[np.isfinite(both["working_k"])], HAKT, ["working_k", "own"])
    return replace(case, kept=kept, lapses=lapses, losses=finite)


def _fresh(case: Case, possible: pd.DataFrame) -> pd.DataFrame:
    """(w, h, a, k, t) in which bought or rented capacity may go live and serve w."""
    new = pd.concat([table[HAKT] for table in (case.orders, case.rents)], ignore_index=True).drop_duplicates()
    return joined(possible[["w", *HAKT]], new, HAKT)


def _kept(case: Case, possible: pd.DataFrame, fresh: pd.DataFrame) -> pd.DataFrame:
    demand = case.demand.reset_index(drop=True)
    rows = demand[(demand["carried_kref"] > 0) & ~looked_up(demand["w"], case.workloads["may_lapse"])]
    # an offer can first serve with new capacity when it can serve at all and something could have gone live
    new = pd.concat([table[HAKT] for table in (case.orders, case.rents)], ignore_index=True)
    live = new.groupby(HAK, as_index=False)["t"].min().rename(columns={"t": "live"})
    since = joined(possible.groupby(["w", *HAK], as_index=False)["t"].min(), live, HAK)
    since = since.assign(first=since[["t", "live"]].max(axis=1)).groupby("w", as_index=False)["first"].min()
    rows = joined(joined(rows, since, ["w"]), possible[["w", "t"]].drop_duplicates(), ["w", "t"])
    rows = rows[rows["t"] >= rows["first"]]
    if len(ends := alone(case, possible)):
        ended = pd.MultiIndex.from_frame(ends[["w", "t"]])
        rows = rows[~pd.MultiIndex.from_frame(rows[["w", "t"]]).isin(ended)]
    share = rows["carried_kref"] / rows["demand_kref"]
    return keyed(rows.assign(before=rows["t"] - 1, share=share)[["w", "before", "t", "share"]],
                 ["w", "before", "t"], ["share"])  # fmt: skip


def longest(rents: pd.DataFrame) -> pd.DataFrame:
    """Rows of ``case.rents`` of the longest term of their offer."""
    return rents[rents.groupby(HAK)["periods"].transform("max") == rents["periods"]]


def _ending(case: Case, kept: pd.DataFrame, possible: pd.DataFrame, fresh: pd.DataFrame) -> pd.DataFrame:
    """(w, h, a, k, t) where capacity bought in the plan may end by life or longest term, and w has no other."""
    rents = longest(case.rents).reset_index(drop=True).rename(columns={"periods": "life"})
    ends = pd.concat([table[[*HAKT, "life"]] for table in (case.orders, rents)], ignore_index=True)
    ends = ends.assign(t=case.calendar.periods_of(case.calendar.steps_of(ends["t"]) + ends["life"]))
    ends = ends.loc[ends["t"] < case.calendar.n, HAKT].drop_duplicates()
    if not len(ends):
        return empty_table(["w", *HAKT])
    rows = joined(possible[["w", *HAKT]].assign(t=possible["t"] + 1), ends, HAKT)
    rows = joined(rows, kept[["w", "t"]], ["w", "t"])
    replaced = pd.MultiIndex.from_frame(fresh[["w", "t"]])
    return rows[~pd.MultiIndex.from_frame(rows[["w", "t"]]).isin(replaced)].drop_duplicates()


def _losses(case: Case) -> pd.DataFrame:
    """Thousands of accelerators at work that an offer loses at the start of a period; inf where all of them."""
    parts = [_retired(case), _capped(case), _cut(case)]
    if not any(map(len, parts)):
        return keyed([], HAKT, ["working_k"])
    rows = pd.concat(parts[:2], ignore_index=True)
    rows = rows.assign(working_k=rows["k_lost"] * case.physics["availability"])[[*HAKT, "working_k"]]
    rows = pd.concat([rows, parts[2]], ignore_index=True).astype({"t": int, "working_k": float})
    return keyed(rows.groupby(HAKT, as_index=False)["working_k"].sum(), HAKT, ["working_k"])


def _falls(table: pd.DataFrame, keys: list[str], value: str, n: int) -> pd.DataFrame:
    """keys, t, fall: how much less of a value there is than in the period before; 0 where it is not stated."""
    if not len(table) or not table[value].to_numpy(float).any():
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
    if not len(rows):
        return pd.DataFrame(columns=[*HAKT, "k_lost"])
    rows = joined(rows, case.quota_members[["q", *HAK, "weight"]], ["q"])
    return rows.assign(k_lost=rows["fall"] / rows["weight"].astype(float))[[*HAKT, "k_lost"]]


def _cut(case: Case) -> pd.DataFrame:
    """Cuts of service end all work of the offers they name."""
    rows = []
    for cut in case.scenario.cuts:
        t = case.calendar.first_from(cut.from_)
        if cut.what == "service" and 0 < t < case.calendar.n:
            rows += [(*offer, t, np.inf) for offer in offers_cut(case.offers, cut).index]
    return pd.DataFrame(rows, columns=[*HAKT, "working_k"])


def _ends(case: Case) -> pd.DataFrame:
    """e, t: agreements whose end within the horizon ends service."""
    terms = case.terms[case.terms["service_ends"] & (case.terms["end_t"] < case.calendar.n)]
    return terms[["e", "end_t"]].reset_index(drop=True).rename(columns={"end_t": "t"})


def orders_ended(case: Case) -> pd.DataFrame:
    """(h, a, k, t) and order (e, live): what is ordered under an agreement, alive when it ends service at the start of t."""
    ends = _ends(case)
    if not len(ends):
        return empty_table([*HAKT, "e", "live"]).astype({"live": int})
    own = case.unders[["e", *HAKT]].rename(columns={"t": "live"})
    own = joined(own.assign(life=[int(case.orders["life"][i[1:]]) for i in own.index]), ends, ["e"])
    return own[
        (own["live"] < own["t"])
        & (own["t"] < case.calendar.periods_of(case.calendar.steps_of(own["live"]) + own["life"]))
    ][[*HAKT, "e", "live"]]


def work_ended(case: Case) -> pd.DataFrame:
    """(w, h, a, k, t) of work that agreement e opened and ends; ``most_k``, what all demand before would take there."""
    ends = _ends(case)
    if not len(ends):
        return empty_table(["w", *HAKT, "e", "most_k"])
    rows = joined(case.opened, ends, ["e"]).assign(before=lambda x: x["t"] - 1)
    did = case.serve.reset_index(drop=True)[["w", *HAKT, "rate"]].rename(columns={"t": "before"})
    asked = case.demand.reset_index(drop=True)[["w", "t", "demand_kref"]].rename(columns={"t": "before"})
    rows = joined(joined(rows, did, ["w", *HAK, "before"]), asked, ["w", "before"])
    return rows.assign(most_k=rows["demand_kref"] / rows["rate"])[["w", *HAKT, "e", "most_k"]]


def _lapses(case: Case, kept: pd.DataFrame, losses: pd.DataFrame, own: pd.DataFrame) -> pd.DataFrame:
    """Work of the period before on an offer that loses something, where service is kept otherwise."""
    tied = kept[["w", "before", "t"]].reset_index(drop=True)
    lost = joined(tied[["w", "t"]], losses[HAKT], ["t"])
    lost = pd.concat([lost[["w", *HAKT]], own], ignore_index=True).drop_duplicates()
    rows = joined(tied, lost, ["w", "t"])
    did = case.serve[["w", *HAKT, "rate"]].reset_index(drop=True).rename(columns={"t": "before"})
    rows = joined(rows, did, ["w", *HAK, "before"])
    demand = case.demand[["w", "t", "demand_kref"]].reset_index(drop=True)
    rows = rows.merge(demand, on=["w", "t"], how="left")
    keys = ["w", *HAK, "before", "t"]
    weight = rows["rate"].astype(float) / rows["demand_kref"].astype(float)
    return keyed(rows.assign(weight=weight)[[*keys, "weight"]], keys, ["weight"])
