"""Contracts: the table of what is signed, and what those that outlive the horizon cost at its end.

Recomputed term by term: each step after the horizon, what is owed less what letting on would fetch, discounted
to the end; a contract as a whole is worth no less than nothing.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.audit.book import Book
from planner.audit.findings import Findings
from planner.audit.halls import lease_rent
from planner.audit.policy import discount
from planner.audit.view import View, labelled, once, total
from planner.case.columns import records
from planner.case.commitments import market_rent, relet_share
from planner.case.periods import day_after
from planner.case.registry import CONTRACTS, PURCHASE, Purchase

KEYS = ["what", "id", "h", "a", "k", "r", "start_date"]
MONEY = ["signed_musd", "booked_musd", "due_after_musd", "cost_musd_discounted"]


def check(view: View, found: Findings) -> None:
    """Every contract is listed once, with its sum, the part within the horizon, and the part after it."""
    table, want = view.table("commitments"), signed(view)
    index = labelled(want, KEYS)
    found.known("commitment-listed", table[KEYS], index, "no such contract is signed in this plan")
    for column in MONEY:
        got, due = total(table, KEYS, table[column]), total(want, KEYS, want[column])
        found.equal("commitment-sum", got, due, f"{column} of a contract")


@once
def signed(view: View) -> pd.DataFrame:
    """``KEYS`` and ``MONEY`` of every contract, and what it costs at the end (tail_musd)."""
    parts = [_of_purchase(view, contract) for contract in CONTRACTS if len(view.table(contract.name))]
    table = pd.concat([*parts, _existing(view)], ignore_index=True)
    table["signed_musd"] = table["booked_musd"] + table["due_after_musd"]
    table["cost_musd_discounted"] = table["tail_musd"] * float(discount(view).iloc[-1])
    return table


def _of_purchase(view: View, p: Purchase) -> pd.DataFrame:
    rows = view.facts(view.table(p.name), getattr(view.case, p.table), list(p.index), [p.rent, "periods"])
    for column in ("a", "k", "r"):
        rows[column] = rows.get(column, "")
    rows["musd"] = rows[p.amount] / p.per * rows[f"case_{p.rent}"]
    rows["ends"] = view.begins(rows["t"]) + rows["case_periods"]
    if p.name == "rents":
        market = {key: _market(view, *key) for key in dict.fromkeys(zip(rows["h"], rows["k"], strict=True))}
        fetched = [market[r.h, r.k] * getattr(r, p.amount) / p.per for r in records(rows)]
        change = view.context.param("rent_change_per_year")
    else:
        fetched, change = list(_let_on(view, p.name, rows) * rows["musd"]), 0.0
    tails = [
        _tail(view, r.ends - view.n_steps, r.musd, f, change)
        for r, f in zip(records(rows), fetched, strict=True)
    ]
    return pd.DataFrame({
        "what": p.name, "id": rows["g"].astype(object) if "g" in rows else "",
        **{c: rows[c].astype(object) for c in ("h", "a", "k", "r")},
        "start_date": view.dates(rows["t"]),
        "booked_musd": rows["musd"] * (np.minimum(rows["ends"], view.n_steps) - view.begins(rows["t"])),
        "due_after_musd": rows["musd"] * np.maximum(rows["ends"] - view.n_steps, 0),
        "tail_musd": np.array(tails, dtype=float),
    })  # fmt: skip


def _let_on(view: View, name: str, rows: pd.DataFrame) -> np.ndarray:
    """Share of its own price that each contract fetches after the horizon; what a PPA delivers is sold as surplus."""
    if name != "ppas":  # nobody takes over rented plant
        return np.full(len(rows), _share(view, "halls") if name == "leases" else 0.0)
    offers = [(site.id, ppa) for site in view.scenario.sites if site.power for ppa in site.power.ppas]
    sold = {(p, ppa.id): ppa.surplus_usd_per_mwh / ppa.usd_per_mwh for p, ppa in offers}
    return np.array([sold[key] for key in zip(rows["p"], rows["g"], strict=True)], dtype=float)


def _existing(view: View) -> pd.DataFrame:
    rows = []
    change = view.context.param("rent_change_per_year")
    for c in view.scenario.existing.contracts:
        months = view.case.calendar.months_from_start(day_after(c.until)) / 12.0 / view.step_years
        each = c.accelerators * c.usd_per_accelerator_hour * view.step_hours / 1e6
        fetched = _market(view, c.host, c.system) * c.accelerators / 1000.0 if months > view.n_steps else 0.0
        rows.append(("existing", c.id, c.host, c.stack, c.system, "", view.date(0),
                     each * min(max(months, 0.0), view.n_steps), each * max(months - view.n_steps, 0.0),
                     _tail(view, months - view.n_steps, each, fetched, change)))  # fmt: skip
    for hall in view.scenario.existing.halls:
        if view.mode.get(hall.host) != "colocation" or hall.until is None:
            continue
        months = view.case.calendar.months_from_start(day_after(hall.until)) / 12.0 / view.step_years
        each = lease_rent(view, hall)
        rows.append(("existing", hall.id, hall.host, "", "", "", view.date(0), each * min(max(months, 0.0), view.n_steps),
                     each * max(months - view.n_steps, 0.0),
                     _tail(view, months - view.n_steps, each, _share(view, "halls") * each, 0.0)))  # fmt: skip
    columns = ["what", "id", "h", "a", "k", "r", "start_date", "booked_musd", "due_after_musd", "tail_musd"]
    table = pd.DataFrame(rows, columns=columns)
    return table.astype(dict.fromkeys(columns[-3:], float) | {"start_date": "datetime64[ns]"})


def _tail(view: View, steps: float, owed: float, fetched: float, change: float) -> float:
    """Owed less fetched in each step after the horizon (the last in part), worth what on its end; at least 0."""
    worth = 0.0
    for j in range(int(np.ceil(max(steps, 0.0) - 1e-12))):
        part, years = min(1.0, steps - j), j * view.step_years
        worth += (
            part
            * (owed - fetched * (1.0 + change) ** years)
            / (1.0 + view.case.rate) ** (years + view.step_years / 2)
        )
    return max(0.0, worth)


def _share(view: View, what: str) -> float:
    return relet_share(view.context, what)


def _market(view: View, h: str, k: str) -> float:
    """What a thousand accelerators fetch a step when let on at the horizon's end, MUSD."""
    context = view.context
    return relet_share(context, "accelerators") * market_rent(context, h, k)


def booked(book: Book) -> None:
    """What contracts still cost when the horizon ends."""
    view = book.view
    rows = signed(view)
    rows = rows[rows["tail_musd"] > 0].assign(t=view.n)
    local = rows["k"] == ""
    accounts = rows["what"].map({p.name: p.account for p in CONTRACTS}).fillna(PURCHASE["leases"].account)
    placed = rows[local]
    book.add(
        placed, placed["tail_musd"], kind="commitment", account=accounts[local], **book.local(placed["h"])
    )
    rented = rows[~local]
    book.add(
        rented, rented["tail_musd"], kind="commitment", account="cloud-rent", h=rented["h"], a=rented["a"]
    )
