"""Offers of another member of a class that a workload may not use, and why: what would let it survive a loss."""

from __future__ import annotations

import pandas as pd

from planner.case.case import Case

OF_HOST = {"operator": "operator", "site": "p", "country": "country", "owner-class": "owner_class"}
OF_SYSTEM = {"vendor": "vendor", "chip-origin": "origin_iso3"}


def shut_offers(case: Case, workload: str, by: str) -> list[str]:
    """One sentence a host that may not serve the workload at all, for members of the class that do not serve it yet."""
    serving = case.serve[case.serve["w"] == workload]
    now = set(_members(case, serving["h"], serving["a"], serving["k"], by))
    rows = case.why_not[case.why_not["workload"] == workload]
    rows = rows[~rows["host"].isin(set(serving["h"]))] if by in OF_HOST or by == "host" else rows
    rows = rows.assign(member=_members(case, rows["host"], rows["stack"], rows["system"], by))
    rows = rows[(rows["member"] != "") & ~rows["member"].isin(now)]
    first = rows.drop_duplicates(["member", "host"])
    return [f"{r.host} with {r.stack} ({r.member}): {r.detail}" for r in first.itertuples()]


def _members(case: Case, h: pd.Series, a: pd.Series, k: pd.Series, by: str) -> list[str]:
    """The member of the class that an offer belongs to; empty where the class cannot be told from it."""
    if by in OF_HOST:
        return [str(v) for v in h.map(case.hosts[OF_HOST[by]]).fillna("")]
    if by in OF_SYSTEM:
        return [str(v) for v in k.map(case.systems[OF_SYSTEM[by]]).fillna("")]
    column = {"host": h, "stack": a, "system": k}.get(by)
    return [""] * len(h) if column is None else [str(v) for v in column]
