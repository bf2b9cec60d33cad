"""Every contract of a plan: what is signed, what of it falls within the horizon, what is owed after it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd

from planner.case.case import Case
from planner.case.commitments import leases_paid, signed_rents
from planner.case.registry import CONTRACTS, PURCHASE, Purchase
from planner.plans.reader import made_of

EXISTING = "existing"
"""Contracts signed before the plan, among the names of purchases; their start is the horizon's."""


def commitments(case: Case, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """A row a contract: signed = booked + due after the horizon (MUSD, undiscounted), and what the end counts.

    ``id`` names the contract signed before the plan, or the kind of plant.
    """
    parts = [
        made_of(rows, source, f"contract {p.name}", partial(_bought, case, p, rows, source))
        for p, rows, source in ((p, tables[p.name], getattr(case, p.table)) for p in CONTRACTS)
    ]
    table = pd.concat([*parts, _existing(case)], ignore_index=True)
    table["p"] = table["h"].map(case.hosts["p"]).astype(object)
    table["signed_musd"] = table["booked_musd"] + table["due_after_musd"]
    return table


def _bought(case: Case, p: Purchase, rows: pd.DataFrame, source: pd.DataFrame) -> pd.DataFrame:
    facts = rows[list(p.index)].merge(source.reset_index(drop=True), on=list(p.index), how="left")
    amount = rows[p.amount].to_numpy(float)
    blank = {c: "" for c in ("a", "k", "r") if c not in rows}
    return pd.DataFrame({
        "what": p.name, "id": rows["g"].astype(object) if "g" in rows else "",
        **{c: rows[c].astype(object) for c in ("h", "a", "k", "r") if c in rows}, **blank,
        "start_date": rows[p.live_date], "end_date": rows[p.end_date], "amount": amount, "unit": p.unit,
        "booked_musd": rows[p.money].astype(float),
        "due_after_musd": amount / p.per * facts["due_after_musd"].to_numpy(float),
        "cost_musd_discounted": amount / p.per * facts["tail_musd"].to_numpy(float) * case.discount_end,
    })  # fmt: skip


def _existing(case: Case) -> pd.DataFrame:
    held = case.existing[case.existing["rent_usd_per_accelerator_hour"].notna()]
    existing = case.scenario.existing
    until = {c.id: c.until for c in existing.contracts} | {x.id: x.until for x in existing.halls}
    ends = np.array([until[str(i)] is not None for i in case.existing_leases.index], dtype=bool)
    leases = case.existing_leases[ends]  # others go on
    rented = held.assign(amount=held["accelerators_k"] * 1000.0, unit=PURCHASE["rents"].unit)
    leased = leases.assign(a="", k="", amount=leases["it_mw"], unit=PURCHASE["leases"].unit)
    rows = pd.concat([rented, leased]) if len(leased) else rented
    paid = pd.concat([signed_rents(case), leases_paid(case)]).groupby("id")["musd"].sum()
    return pd.DataFrame({
        "what": EXISTING, **{c: rows[c].astype(object) for c in ("id", "h", "a", "k")}, "r": "",
        "start_date": pd.Timestamp(case.calendar.start), "end_date": pd.to_datetime([until[str(i)] for i in rows["id"]]),
        **{c: rows[c] for c in ("amount", "unit")}, "booked_musd": rows["id"].map(paid).fillna(0.0).astype(float),
        "due_after_musd": rows["due_after_musd"], "cost_musd_discounted": rows["tail_musd"] * case.discount_end,
    })  # fmt: skip
