"""How much a decision can reach at most, and which decisions forbid it: from the tables of a case alone."""

from __future__ import annotations

import pandas as pd

from planner.case.case import Case
from planner.case.columns import records


def forbidding(case: Case, what: str, own: pd.DataFrame) -> list[str]:
    """Decisions that forbid any of these members, in words."""
    members = case.decision_members[case.decision_members["index"].isin(set(own["index"]))]
    none = case.decisions[(case.decisions["upper"] <= 0) & (case.decisions["what"] == what)]
    return [f"decision {d}" for d in dict.fromkeys(none["d"]) if d in set(members["d"])]


def most(case: Case, what: str, members: pd.DataFrame) -> tuple[float, str]:
    """The most a kind of decision can reach over its members, in model units, and what limits it."""
    if what == "open":
        return float(len({i[0] for i in members["index"]})), "a host opens once"
    if what == "agreement":
        return float(len({i[0] for i in members["index"]})), "an agreement is signed once"
    if what == "stack":
        return float(len(members)), "a stack is adopted once"
    if what in ("halls", "lease"):
        hosts = {i[0] for i in members["index"]}
        room = case.host_period[case.host_period["h"].isin(hosts)].groupby("h")["max_mw"].max()
        return (float("inf") if what == "lease" else float(room.sum())), "the largest size of the hosts"
    if what == "orders":
        return _most_orders(case, members)
    return float("inf"), ""


def _most_orders(case: Case, members: pd.DataFrame) -> tuple[float, str]:
    keys = {i[:3] for i in members["index"]}
    last = max((i[3] for i in members["index"]), default=0)
    best, why = float("inf"), ""
    for q, part in case.quota_members.groupby("q", sort=False):
        weight = {(r.h, r.a, r.k): float(r.weight) for r in records(part)}
        if not keys <= set(weight):
            continue
        caps = case.quotas[(case.quotas["q"] == q) & (case.quotas["t"] <= last)]
        kind = str(caps["kind"].iloc[0])
        if kind not in ("cumulative", "orders"):
            continue
        amount = float(caps["amount_k"].iloc[-1] if kind == "cumulative" else caps["amount_k"].sum())
        most = amount / min(weight[key] for key in keys) if keys else 0.0
        if most < best:
            best, why = most, f"quota {q}"
    return best, why
