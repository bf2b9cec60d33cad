"""What whole halls and hosts keep and parts of them do not: rows and bounds by which a search knows the price of a lump.

Where one hall has room for all that a small country asks for, a linear programme builds a tenth of it and pays a tenth. Such
a bound is far from any plan, and a search closes it hall by hall. These rows hold for whole numbers and cut off the parts:

    sum over a,k of rate (serve + reserve) <= M x halls alive                 (w,h,t)     hall_link
    sum over h that are left of lumps[h,t] + unserved[w,t] >= 1               (i,w,f,t)   lump_left

The first is the link of a host (``host_link``, with its M: the most that is ever done of w in t) to the halls of a host
that has no other space, where the largest of them has more room than M takes: elsewhere the row of space says more. The
second is of duties to survive a loss: what is served at all is served by a host that the loss leaves. lumps are halls alive
where these are all the space of a host, else its openings.

Halls that are larger than their host may be are had by nobody; only parts of them would fit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from scipy.sparse import csr_array

from planner.case.registry import PURCHASE
from planner.solver.arrays import Arrays, Floats, Index

HALL_LINK, LUMP_LEFT = "hall_link", "lump_left"
HALL_FAMILIES = PURCHASE["halls"].families
FIT = 1e-9
Entries = dict[int, float]
"""Column -> entry of a row."""


def with_lumps(arrays: Arrays) -> Arrays:
    """The arrays of a model with these rows and bounds."""
    return _Lumps(arrays).tightened()


class _Lumps:
    """What the rows of a model say of its halls and links."""

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = arrays
        self.family = np.repeat(list(arrays.columns), [block.size for block in arrays.columns.values()])
        """Of each column."""
        self.halls: dict[Index, Entries] = {}
        """Place (h, t) -> megawatts of each hall alive, where nothing else gives space."""
        for place, own in self.rows("space_stock"):
            halls = {column: -mw for column, mw in own.items() if self.family[column] in HALL_FAMILIES}
            if (
                halls
                and len(halls) == len(own) - 1
                and not arrays.row_upper[self.number("space_stock", place)]
            ):
                self.halls[place] = halls
        self.lumps: dict[Index, Entries] = {}
        """Link (w, h, t) -> 1 for each thing without which w is not served there."""
        self.links: dict[Index, Entries] = {}
        """The same -> entries of its row of ``HALL_LINK``."""
        mw = self.megawatts()
        for (w, h, t), own in self.rows("host_link"):
            opened = {column: -most for column, most in own.items() if self.family[column] == "open"}
            halls = self.halls.get((h, t), {})
            self.lumps[w, h, t] = dict.fromkeys(halls or opened, 1.0)
            work = {column: rate for column, rate in own.items() if column not in opened}
            most = max(opened.values(), default=0.0)
            least_mw = most * min((mw[column] / rate for column, rate in work.items()), default=0.0)
            if least_mw < max(halls.values(), default=0.0) - FIT:
                self.links[w, h, t] = work | dict.fromkeys(halls, -most)

    def number(self, rule: str, index: Index) -> int:
        return self.arrays.rows[rule].position(index)

    def rows(self, rule: str) -> Iterator[tuple[Index, Entries]]:
        """Index and entries of each row of a rule; none where the model has no such rule."""
        matrix, block = self.arrays.matrix, self.arrays.rows.get(rule)
        for number, index in enumerate(block.index if block else (), block.start if block else 0):
            at = slice(matrix.indptr[number], matrix.indptr[number + 1])
            yield index, dict(zip(matrix.indices[at].tolist(), matrix.data[at].tolist(), strict=True))

    def megawatts(self) -> dict[int, float]:
        """Column of ``serve`` or ``reserve`` -> MW of IT of a thousand of its accelerators, 0 where none are counted."""
        columns = self.arrays.columns
        fleet = dict.fromkeys(columns["fleet"].index, 0.0)
        for _, own in self.rows("space"):
            for column, mw in own.items():
                if self.family[column] == "fleet":
                    fleet[columns["fleet"].tuple_at(column - columns["fleet"].start)] = mw
        return {
            block.start + i: fleet[index[1:]]
            for block in (columns["serve"], columns["reserve"])
            for i, index in enumerate(block.index)
        }

    def left(self) -> Iterator[tuple[Index, Entries]]:
        """Rows of ``LUMP_LEFT``: duties whose every host that is left has to be opened or built."""
        serve = self.arrays.columns["serve"]
        balance = dict(self.rows("demand_balance"))
        for (i, w, f, t), own in self.rows("survive"):
            served = balance[w, t]
            demand = self.arrays.row_lower[self.number("demand_balance", (w, t))]
            must = demand - self.arrays.row_upper[self.number("survive", (i, w, f, t))]
            plain = {self.family[c] for c in (*served, *own)} <= {"serve", "reserve", "reserved", "unserved"}
            if not plain or must <= FIT:  # what runs on after a loss, work ahead of demand; nothing is asked
                continue
            kept = (c for c in served if self.family[c] == "serve" and c not in own)
            hosts = {serve.tuple_at(c - serve.start)[1] for c in kept}
            if all((w, h, t) in self.lumps for h in hosts):
                lumps = [self.lumps[w, h, t] for h in sorted(hosts)]
                unserved = self.arrays.columns["unserved"].position((w, t))
                yield (i, w, f, t), {c: 1.0 for each in lumps for c in each} | {unserved: 1.0}

    def tightened(self) -> Arrays:
        tight = replace(self.arrays, col_upper=self.upper())
        tight = _with(tight, HALL_LINK, self.links, -np.inf, 0.0)
        return _with(tight, LUMP_LEFT, dict(self.left()), 1.0, np.inf)

    def upper(self) -> Floats:
        """Upper bounds of the columns: no more halls than their host has room for."""
        upper = self.arrays.col_upper.copy()
        for place, own in self.rows("space_max"):
            opened = (-most for column, most in own.items() if self.family[column] == "open")
            room = self.arrays.row_upper[self.number("space_max", place)] + max(opened, default=0.0)
            for column, mw in self.halls.get(place, {}).items():
                upper[column] = min(upper[column], np.floor(room / mw + FIT))
        return upper


def _with(arrays: Arrays, name: str, rows: dict[Index, Entries], lower: float, upper: float) -> Arrays:
    """The arrays with rows of these entries, each within the same bounds."""
    numbers = [number for number, own in enumerate(rows.values()) for _ in own]
    at = [column for own in rows.values() for column in own]
    values = [entry for own in rows.values() for entry in own.values()]
    entries = csr_array((values, (numbers, at)), shape=(len(rows), arrays.shape[1]))
    return arrays.with_rows(name, rows, entries, np.full(len(rows), lower), np.full(len(rows), upper))
