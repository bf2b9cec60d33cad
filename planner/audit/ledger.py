"""The ledger, line by line, against what the plan must have booked; and the capital calendar made of it."""

from __future__ import annotations

import pandas as pd

from planner.audit import (
    agreements,
    carbon,
    commitments,
    cooling,
    draws,
    exits,
    fleet,
    halls,
    heat_reuse,
    plant,
    policy,
    power,
    ppa,
    refits,
    service,
    sites,
    supply,
    tariff,
)
from planner.audit.book import LINE, Book
from planner.audit.content import made
from planner.audit.findings import Findings
from planner.audit.policy import discount
from planner.audit.view import View, lookup, total
from planner.case.columns import records
from planner.case.registry import ACCOUNTS, NO_OUTLAY, PURCHASE, PURCHASES, Account, Charge

TOPICS = (
    fleet, service, sites, halls, cooling, refits, plant, power, tariff, ppa, heat_reuse, supply,
    agreements, exits, policy, commitments, draws,
)  # fmt: skip


YES_OR_NO = {"team", "platform", "agreement-upkeep", *(p.account for p in PURCHASES if p.domain == "binary")}
"""Accounts of what is had by yes or no: screening pays parts of it, of which no table of a plan tells."""


def expected(view: View) -> pd.DataFrame:
    """The ledger as it must be: what every topic books."""
    book = Book(view)
    for topic in TOPICS:
        topic.booked(book)
    for account in ACCOUNTS.values():
        if account.charge:
            _charged(book, account, account.charge)
    carbon.priced(book)
    return book.table()


def _charged(book: Book, account: Account, charge: Charge) -> None:
    """A payment for every step in which a purchase at a place stands."""
    view, bought = book.view, PURCHASE[charge.purchase]
    if not len(view.table(bought.name)):
        return
    columns = [c for c in (charge.musd_per_step, bought.life) if c]
    rows = view.facts(view.table(bought.name), getattr(view.case, bought.table), list(bought.index), columns)
    amount = rows[bought.amount] / bought.per if bought.amount else 1.0
    steps = rows[f"case_{bought.life}"] if bought.life else view.n_steps
    book.every(rows, amount * rows[f"case_{charge.musd_per_step}"], steps, bool(bought.rent), kind=account.kind,
               account=account.name, **book.local(rows["h"]))  # fmt: skip


def check(view: View, found: Findings) -> None:
    """Every line of the ledger, its dates, its discounting, and the capital calendar made of it."""
    want = expected(view)
    got = view.table("ledger")
    _booked(view, found, got, want)
    lines = pd.Series(range(len(got)))
    worth = got["musd"] * lookup(got["t"], discount(view)).astype(float)
    found.equal(
        "ledger-discount", got["musd_discounted"].set_axis(lines), worth.set_axis(lines), "present value"
    )
    dates = view.dates(got["t"])
    found.same("ledger-dates", got[LINE], pd.to_datetime(got["date"]), dates, "date")
    years = dates.dt.year.astype(int)
    found.same("ledger-dates", got[LINE], got["year"].astype(int), years, "year")
    sites = pd.Series(lookup(got["h"], view.case.hosts["p"]), dtype=object).fillna("")
    found.same("ledger-dates", got[LINE], got["p"].astype(object), sites, "site")
    _capital(view, found, got)
    _content(view, found, got)


def _booked(view: View, found: Findings, got: pd.DataFrame, want: pd.DataFrame) -> None:
    """Money and quantity of every line; in screening of accounts without what is had by yes or no."""
    if not view.whole:
        got, want = (lines[~lines["account"].isin(YES_OR_NO)] for lines in (got, want))
    found.equal("ledger-entry", total(got, LINE, got["musd"]), total(want, LINE, want["musd"]), "MUSD booked")
    flows, real = got[got["kind"] != "capex"], want[want["kind"] != "capex"]
    keys = [*LINE, "unit"]
    found.equal("ledger-quantity", total(flows, keys, flows["quantity"]), total(real, keys, real["quantity"]),
                "quantity booked", 100.0)  # fmt: skip
    things, due = got[got["kind"] == "capex"], want[want["kind"] == "capex"]
    keys = [k for k in keys if k not in ("t", "unit")]
    found.equal("ledger-quantity", total(things, keys, things["quantity"]), total(due, keys, due["quantity"]),
                "quantity bought", 1000.0)  # fmt: skip


def _capital(view: View, found: Findings, ledger: pd.DataFrame) -> None:
    table, keys = view.table("capital"), ["t", "payer", "account", "origin_iso3"]
    paid = ledger[~ledger["kind"].isin(NO_OUTLAY)]
    found.equal("capital-table", total(table, keys, table["musd"]), total(paid, keys, paid["musd"]), "outlay")


def _content(view: View, found: Findings, ledger: pd.DataFrame) -> None:
    """Capital by where its value is made: a system by its chips and the rest, all else by its account."""
    table, catalog = view.table("content"), view.case.catalog
    keys = ["t", "payer", "account", "origin_iso3", "stage", "content_iso3"]
    capex = ledger[ledger["kind"] == "capex"]
    home, place = view.scenario.country, view.case.hosts["country"].to_dict()
    parts = {(r.account, r.k): made(catalog, str(r.account), str(r.k)) for r in records(capex)}
    rows = [
        (r.t, r.payer, r.account, r.origin_iso3, stage, place.get(r.h, home) if country == "place" else country,
         r.musd * share)
        for r in records(capex)
        for stage, country, share in parts[r.account, r.k]
    ]  # fmt: skip
    want = pd.DataFrame(rows, columns=[*keys, "musd"])
    found.equal(
        "content-table", total(table, keys, table["musd"]), total(want, keys, want["musd"]), "content"
    )
