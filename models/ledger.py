"""The one ledger: every cost, megawatt-hour, litre and tonne is booked once, per unit of a variable.

An entry says: one unit of ``family[index]`` books ``musd`` (real, undiscounted) and ``quantity`` in period
``t``, to an account, for a payer. The objective, the capital calendar, the report and the KPIs all read the
same entries; a plan's ledger is entries x values. What is left of assets (kind ``residual``) and what contracts
still cost (kind ``commitment``) are dated at the horizon's end (t = n) and are no payments. The price of an ordered
system is one entry here; the plan's ledger tells it apart by account (``planner.plans.hardware``).

Outlay of an ordered asset: ``order_share`` of the price at order, the rest evenly over the steps of its
lead; with no lead all falls in the live period. Residual: price x ``planner.case.residual.left_share``, of what is sold
again in the period of its sale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, compress
from typing import Any

import numpy as np
import pandas as pd

from planner.case.case import Case
from planner.case.limits import PARTNER
from planner.case.registry import ACCOUNTS, PURCHASE, SETTLED, Account, account_of
from planner.case.residual import left_share

FIELDS = {"h": "", "a": "", "k": "", "supplier": "", "payer": PARTNER, "origin_iso3": "", "w": ""}
LABELS = ("kind", "account", "asset_class", *FIELDS, "unit")
COLUMNS = ["family", "index", "t", *LABELS, "quantity", "musd"]
"""family, index: the variable; the rest as in the plan's ledger."""
CONSTANT = "constant"


@dataclass(frozen=True)
class Booked:
    """Entries for many members of one family, as arrays: a frame for each takes milliseconds and ten times the memory."""

    family: str
    index: list[Any]
    t: np.ndarray
    musd: np.ndarray
    quantity: np.ndarray
    labels: Mapping[str, Any]
    """By ``LABELS``: one word for all, or one for each."""

    def __len__(self) -> int:
        return len(self.index)

    def kept(self, flags: np.ndarray) -> Booked:
        """Some of the entries."""
        labels = {
            name: value if isinstance(value, str) else np.asarray(value)[flags]
            for name, value in self.labels.items()
        }
        index = list(compress(self.index, flags))
        return Booked(self.family, index, self.t[flags], self.musd[flags], self.quantity[flags], labels)


def book(
    family: str,
    index: Sequence[Any],
    t: Any,
    musd: Any,
    quantity: Any = 0.0,
    *,
    account: str,
    kind: str = "",
    asset_class: Any = None,
    **fields: Any,
) -> Booked:
    """Entries for many members of a family at once; scalars broadcast, arrays go row by row.

    Kind, asset class and unit are those of the account where none is given; what is settled at the end has a ``kind`` of
    its own and no unit.
    Raises ``KeyError`` for an account that the registry does not have.
    """
    n, heading = len(index), account_of(account)
    unknown = set(fields) - set(FIELDS)
    if unknown:
        raise TypeError(f"unknown ledger fields {sorted(unknown)}")
    own = {
        "kind": kind or heading.kind, "account": account,
        "asset_class": heading.asset_class if asset_class is None else asset_class,
        "unit": "" if kind in SETTLED else heading.unit,
    }  # fmt: skip
    return Booked(
        family,
        index if isinstance(index, list) else list(index),
        np.broadcast_to(t, n).astype(int),
        np.broadcast_to(np.asarray(musd, dtype=float), n),
        np.broadcast_to(np.asarray(quantity, dtype=float), n),
        {**FIELDS, **own, **fields},
    )


def table_of(parts: Sequence[Booked]) -> pd.DataFrame:
    """All entries in one frame (``COLUMNS``); words are categories, of which each is kept once."""
    sizes = [len(part) for part in parts]
    index = np.fromiter(chain.from_iterable(part.index for part in parts), object, sum(sizes))
    data: dict[str, Any] = {
        "family": _words(sizes, [part.family for part in parts]),
        "index": index,
        "t": np.concatenate([part.t for part in parts]),
        **{name: _words(sizes, [part.labels[name] for part in parts]) for name in LABELS},
        "quantity": np.concatenate([part.quantity for part in parts]),
        "musd": np.concatenate([part.musd for part in parts]),
    }
    return pd.DataFrame(data)[COLUMNS]


def _words(sizes: Sequence[int], values: Sequence[Any]) -> pd.Categorical:
    """Words of consecutive parts, each one for all of a part or one for each of its entries, as categories."""
    code_of: dict[str, int] = {}
    codes = np.empty(sum(sizes), np.int32)
    at = 0
    for n, value in zip(sizes, values, strict=True):
        if isinstance(value, str):
            codes[at : at + n] = code_of.setdefault(value, len(code_of))
        else:
            own, distinct = pd.factorize(np.asarray(value, dtype=object))
            if len(own) != n:
                raise ValueError(f"{len(own)} labels for {n} entries")
            known = [code_of.setdefault(word, len(code_of)) for word in distinct]
            codes[at : at + n] = np.array([*known, -1], np.int32)[own]
        at += n
    return pd.Categorical.from_codes(codes, categories=list(code_of))


def in_words(entries: pd.DataFrame) -> pd.DataFrame:
    """The same entries with plain words: for tables that are put together with others."""
    return entries.astype(dict.fromkeys(("family", *LABELS), "str"))


def asset(
    case: Case,
    family: str,
    table: pd.DataFrame,
    price: Any,
    quantity: Any,
    account: str,
    asset_class: str = "",
    **fields: Any,
) -> list[Booked]:
    """Purchase of an asset with columns t, lead, life (steps): outlays over the lead, then the residual value.

    The latter falls on the horizon's end, or in the period ``u`` of its sale where the table has one. The asset class is
    that of the account where none is given.
    """
    out: list[Booked] = []
    if not len(table):
        return out
    index = list(table.index)
    price = np.broadcast_to(np.asarray(price, dtype=float), len(table))
    quantity = np.broadcast_to(np.asarray(quantity, dtype=float), len(table))
    live, lead = case.calendar.steps_of(table["t"]), table["lead"].to_numpy(int)
    fields["asset_class"] = asset_class = asset_class or account_of(account).asset_class
    at_order = case.order_share[asset_class]
    booked_at = np.where((lead > 0) & (at_order < 1.0), 1, lead)  # steps before live of the last payment
    rows, t, musd, booked = [], [], [], []
    for back in range(0, int(lead.max()) + 1):
        share = np.where(
            lead == 0,
            float(back == 0),
            np.where((back >= 1) & (back <= lead), (1 - at_order) / np.maximum(lead, 1), 0.0),
        )
        share = share + np.where((lead > 0) & (back == lead), at_order, 0.0)
        paid = np.flatnonzero(share > 0)
        rows.append(paid)
        t.append(case.calendar.periods_of((live - back)[paid]))
        musd.append((price * share)[paid])
        booked.append(np.where(back == booked_at, quantity, 0.0)[paid])
    out.append(_part(family, index, rows, t, musd, booked, account=account, **fields))
    left = left_share(case, asset_class, table)
    held = np.flatnonzero(left > 0)
    end = table["u"].to_numpy(int) if "u" in table else np.full(len(table), case.calendar.n)
    worth, none = -(price * left)[held], np.zeros(len(held))
    out.append(
        _part(family, index, [held], [end[held]], [worth], [none], account=account, kind="residual", **fields)
    )
    return [part for part in out if len(part)]


def yearly(
    case: Case,
    family: str,
    table: pd.DataFrame,
    musd_per_step: Any,
    life: Any,
    contract: bool = False,
    **fields: Any,
) -> list[Booked]:
    """A payment for every step from the live date for ``life`` steps, within the horizon.

    What is owned and ends within a period is gone, and costs nothing, from its first day on; a ``contract`` is paid for.
    """
    out: list[Booked] = []
    if not len(table):
        return out
    index = list(table.index)
    calendar, live = case.calendar, table["t"].to_numpy(int)
    amount = np.broadcast_to(np.asarray(musd_per_step, dtype=float), len(table))
    last = calendar.steps_of(live) + np.broadcast_to(np.asarray(life), len(table))
    last = np.minimum(last if contract else calendar.steps_of(calendar.periods_of(last)), calendar.n_steps)
    rows, t, musd = [], [], []
    for ahead in range(calendar.n - int(live.min())):
        begin, after = calendar.steps_of(live + ahead), calendar.steps_of(live + ahead + 1)
        alive = np.flatnonzero((begin < last) & (amount != 0))
        rows.append(alive)
        t.append((live + ahead)[alive])
        musd.append((amount * (np.minimum(after, last) - begin))[alive])
    if not any(map(len, rows)):
        return out
    none = [np.zeros(len(alive)) for alive in rows]
    return [_part(family, index, rows, t, musd, none, **fields)]


def tails(case: Case, family: str, table: pd.DataFrame, **fields: Any) -> list[Booked]:
    """What contracts that outlive the horizon still cost at its end: columns of ``planner.case.commitments``."""
    musd = table["tail_musd"].to_numpy(float)
    late = np.flatnonzero(musd > 0)
    if not len(late):
        return []
    end, none = np.full(len(late), case.calendar.n), np.zeros(len(late))
    return [
        _part(family, list(table.index), [late], [end], [musd[late]], [none], kind="commitment", **fields)
    ]


def charges(case: Case) -> list[Booked]:
    """Yearly accounts of what stands at a place, for every charge of the registry."""
    return [part for account in ACCOUNTS.values() if account.charge for part in _charge(case, account)]


def _charge(case: Case, account: Account) -> list[Booked]:
    assert account.charge is not None
    purchase = PURCHASE[account.charge.purchase]
    out: list[Booked] = []
    for family, table in purchase.parts(getattr(case, purchase.table)):
        if "tail_musd" in table:
            out += tails(case, family, table, account=account.name, **local(case, table["h"]))
        steps = table[purchase.life] if purchase.life else case.calendar.n_steps
        musd = table[account.charge.musd_per_step]
        where = local(case, table["h"])
        out += yearly(case, family, table, musd, steps, bool(purchase.rent), account=account.name, **where)
    return out


def local(case: Case, hosts: pd.Series) -> dict[str, pd.Series]:
    """Fields of what is bought where the host stands: it counts as made in the host's country.

    No source splits halls, plant and energy by where their parts come from.
    """
    return {"h": hosts, "origin_iso3": hosts.map(case.hosts["country"])}


def _part(
    family: str,
    index: list[Any],
    rows: list[np.ndarray],
    t: list[np.ndarray],
    musd: list[np.ndarray],
    quantity: list[np.ndarray],
    account: str,
    kind: str = "",
    **fields: Any,
) -> Booked:
    """Entries of rows of a table, payment after payment."""
    picked = np.concatenate(rows)
    chosen = {
        name: value if isinstance(value, str) else np.asarray(value, dtype=object)[picked]
        for name, value in fields.items()
    }
    return book(
        family,
        [index[i] for i in picked.tolist()],
        np.concatenate(t),
        np.concatenate(musd),
        np.concatenate(quantity),
        account=account,
        kind=kind,
        **chosen,
    )


def discounted(case: Case, entries: pd.DataFrame) -> np.ndarray:
    """Discount factor of every entry: that of its period, or the horizon's end for residual values."""
    factors = np.append(case.periods["discount"].to_numpy(float), case.discount_end)
    return np.asarray(factors[entries["t"].to_numpy(int)])


def partner_cost(case: Case, entries: pd.DataFrame) -> pd.Series:
    """(family, index) -> discounted MUSD per unit paid by the partner: the cost objective's coefficients."""
    own = entries.loc[entries["payer"] == PARTNER, ["family", "index", "t", "musd"]]
    value = own["musd"].to_numpy(float) * discounted(case, own)
    family = own["family"].cat
    codes, members = pd.factorize(own["index"])
    members = pd.Index(members, tupleize_cols=False)  # tuples of all lengths, one label each
    # One number for family and index: groups of two labels take several times the memory.
    variable, first = pd.factorize(family.codes.to_numpy(np.int64) * len(members) + codes)
    codes = np.divmod(first, max(1, len(members)))
    labels = pd.MultiIndex(levels=[family.categories, members], codes=codes)
    return pd.Series(pd.Series(value).groupby(variable).sum().to_numpy(), index=labels)
