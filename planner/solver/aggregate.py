"""Exact aggregation: work of all workloads on a fleet as one column, work for a workload on all fleets as another.

    small = Aggregation(arrays)
    ... solve small.arrays ...
    x = small.full(values)

``serve[w,h,a,k,t]`` counts accelerators where a row is about hardware (fleet, load) and work where it is about service
(demand, links, control). For all workloads and systems of (h,a,t) that are alike, it is replaced by

    sum over w of serve              for every system k, in the rows of hardware
    sum over k of rate x serve       for every workload w, in the rows of service
    both count the same work         one row

and the full values are shares: serve[w,k] = column of k x work of w / work of all. Alike are workloads whose rates on the
systems are equal up to a factor and whose columns are equal in the rows of hardware, and systems whose columns are
proportional in the rows of service. ``reserve`` likewise; ``run``, preemptible work by slice, is summed over workloads
first. What is not alike keeps its columns: nothing is assumed of rules, columns are compared entry by entry.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from scipy.sparse import csc_array, csr_array, diags_array, hstack, vstack

from planner.solver.alike import (
    ALIKE,
    SEED,
    Mask,
    any_amount,
    codes,
    entries,
    equal,
    firsts,
    parts,
    quotient,
    size,
    sums,
    with_columns,
)
from planner.solver.arrays import Arrays, Block, Floats
from planner.solver.members import Ints
from planner.solver.preemptible import SOFT_ROWS, SoftSums

WORKED = ("serve", "reserve")
HARDWARE = ("fleet_peak", "fleet_slice", "it_load_balance", SOFT_ROWS)
"""Rows that count accelerators. A row left out here would keep work apart; it would not make it alike."""
W, H, A, K, T = range(5)
"""Parts of the index of ``WORKED``."""


class Aggregation:
    """The smaller arrays of a programme, and the way back to values of all its columns."""

    def __init__(self, arrays: Arrays) -> None:
        self._soft = SoftSums(arrays)
        self._work = _WorkSums(self._soft.arrays)
        self.arrays = self._work.arrays

    def full(self, x: Floats) -> Floats:
        """Values of all columns of the full programme from those of the smaller one."""
        return self._soft.full(self._work.full(x))


class _WorkSums:
    """``serve`` and ``reserve`` as columns by system and columns by workload."""

    def __init__(self, arrays: Arrays) -> None:
        self.old = arrays
        matrix = csc_array(arrays.matrix)
        counting = np.zeros(arrays.shape[0])
        for name in HARDWARE:
            if name in arrays.rows:
                counting[arrays.rows[name].slice] = 1.0
        hardware, service = (
            csc_array(diags_array(counting) @ matrix),
            csc_array(diags_array(1 - counting) @ matrix),
        )
        hardware.eliminate_zeros()
        service.eliminate_zeros()
        self.families = {
            name: _Work(block, hardware, service, any_amount(arrays))
            for name, block in arrays.columns.items()
            if name in WORKED and block.size
        }
        worked = np.zeros(arrays.shape[1], bool)
        for name in self.families:
            worked[arrays.columns[name].slice] = True
        self.kept = np.flatnonzero(~worked)
        self.arrays = self._assembled(matrix, hardware, service)

    def _assembled(self, matrix: csc_array, hardware: csc_array, service: csc_array) -> Arrays:
        old, start, groups = self.old, len(self.kept), 0
        pieces, order, balance = [matrix[:, self.kept]], [self.kept], []
        blocks = {
            n: replace(b, start=int(np.searchsorted(self.kept, b.start))) for n, b in old.columns.items()
        }
        for name, work in self.families.items():
            index, first = old.columns[name].index, old.columns[name].start
            work.start = start
            pieces += [matrix[:, work.direct], hardware[:, work.systems], service[:, work.works]]
            order += [work.direct, work.systems, work.works]
            own = np.concatenate([work.direct, work.systems])
            blocks[name] = Block.of(start, [index[i - first] for i in own])
            served = [index[i - first] for i in work.works]
            blocks[f"{name}_work"] = Block.of(start + len(own), [(w, h, a, t) for w, h, a, _, t in served])
            row, column, value = work.balance()
            balance.append((row + groups, column, value))
            start, groups = start + len(own) + len(served), groups + work.groups
        row, column, value = (np.concatenate(part) for part in zip(*balance, strict=True))
        rows = csr_array((value, (row, column)), shape=(groups, start))
        return replace(
            with_columns(old, np.concatenate(order), blocks),
            matrix=csr_array(vstack([hstack(pieces), rows])),
            row_lower=np.concatenate([old.row_lower, np.zeros(groups)]),
            row_upper=np.concatenate([old.row_upper, np.zeros(groups)]),
            rows={**old.rows, "work_balance": Block.of(old.shape[0], range(groups))},
        )

    def full(self, x: Floats) -> Floats:
        full = np.zeros(self.old.shape[1])
        full[self.kept] = x[: len(self.kept)]
        for work in self.families.values():
            work.fill(full, x)
        return full


class _Work:
    """One family of work: which of its columns stay, which stand for a system of a group or for a workload of it.

    A unit is a workload on the systems of (h,a,t) on which its service differs by a factor only, its rate; a group is
    all units of (h,a,t) whose systems, rates and hardware are alike. ``start`` is the first of the new columns.
    """

    def __init__(self, block: Block, hardware: csc_array, service: csc_array, free: Mask) -> None:
        self.start = 0
        w, h, a, k, t = parts(block, W, H, A, K, T)
        columns, place = np.arange(block.start, block.stop), codes(h, a, t)
        rate = size(csc_array(service[:, columns]))
        unit = codes(place, w, quotient(sums(service)[columns], rate))
        order = np.lexsort((k, unit))  # from here on, members of a unit are next to one another
        columns, unit, k, place = (v[order] for v in (columns, unit, k, place))
        rate = rate[order]
        first = firsts(unit)
        ratio = quotient(rate, rate[first])
        alike = free[columns] & (rate > 0) & equal(service, columns, columns[first], ratio)
        members = _Members(columns, unit, k, place, ratio, np.arange(len(unit)) - first)
        group, merged = members.grouped(hardware, _all(alike, unit))
        heading = members.position == 0
        leading = firsts(group) == np.arange(len(unit)) - members.position
        # merged where it saves entries of the matrix
        by_hardware, by_service = entries(hardware)[columns], entries(service)[columns]
        saved = by_hardware + by_service - leading * (by_hardware + 1) - heading * (by_service + 1)
        merged &= (np.bincount(group, saved) > 0)[group]
        self._number(columns, group, unit, ratio, merged, leading, heading)

    def _number(
        self,
        columns: Ints,
        group: Ints,
        unit: Ints,
        ratio: Floats,
        merged: Mask,
        leading: Mask,
        heading: Mask,
    ) -> None:
        """Old columns by what they become, and where each merged one finds its system and its work."""
        self.direct, self.columns = np.sort(columns[~merged]), columns[merged]
        group, unit, leading, heading = (
            codes(group[merged]),
            codes(unit[merged]),
            leading[merged],
            heading[merged],
        )
        self.groups = int(group.max(initial=-1)) + 1
        self.systems, self.works = self.columns[leading], self.columns[heading]
        self.ratio, self.system_group, self.work_group = (
            ratio[merged][leading],
            group[leading],
            group[heading],
        )
        # members of a unit are next to one another, in the order of the systems of their group
        place = np.arange(len(unit)) - firsts(unit)
        begins = np.full(self.groups, len(self.systems))
        np.minimum.at(begins, self.system_group, np.arange(len(self.systems)))
        self.system_of, self.work_of, self.group_of = begins[group] + place, unit, group

    def balance(self) -> tuple[Ints, Ints, Floats]:
        """Entries of the rows, one a group: work on its systems less work for its workloads."""
        systems = self.start + len(self.direct) + np.arange(len(self.systems))
        works = self.start + len(self.direct) + len(self.systems) + np.arange(len(self.works))
        return (
            np.concatenate([self.system_group, self.work_group]),
            np.concatenate([systems, works]),
            np.concatenate([self.ratio, -np.ones(len(works))]),
        )

    def fill(self, full: Floats, x: Floats) -> None:
        """Values of the full columns of the family, from those of the new programme."""
        widths = np.cumsum([self.start, len(self.direct), len(self.systems), len(self.works)])
        direct, systems, works = (x[a:b] for a, b in pairwise(widths))
        works = np.maximum(works, 0.0)  # a zero of a solver may be below it
        full[self.direct] = direct
        total = np.bincount(self.work_group, works, self.groups).astype(float)[self.group_of]
        full[self.columns] = systems[self.system_of] * quotient(works[self.work_of], total)


@dataclass(frozen=True)
class _Members:
    """Columns of work sorted by unit and system: place, rate by that of the unit's first, position within the unit."""

    columns: Ints
    unit: Ints
    system: Ints
    place: Ints
    ratio: Floats
    position: Ints

    def grouped(self, hardware: csc_array, alike: Mask) -> tuple[Ints, Mask]:
        """Group of every member, and whether its unit is like all others of the group; ``alike`` says which units may be."""
        weight = np.random.default_rng(SEED).uniform(1.0, 2.0, (2, self.system.max() + 1))
        counted = weight[1, self.system] * sums(hardware)[self.columns]
        signature = np.bincount(self.unit, weight[0, self.system] * (1 + self.ratio) + counted)
        heads = np.flatnonzero(self.position == 0)
        apart = np.where(alike[heads], -1, heads)
        group = codes(self.place[heads], np.bincount(self.unit), signature, apart)[self.unit]
        like = firsts(group) + self.position
        like = np.where(like < len(like), like, 0)
        same = (self.system[like] == self.system) & equal(hardware, self.columns, self.columns[like])
        same &= np.abs(self.ratio - self.ratio[like]) <= ALIKE * self.ratio
        merged = _all(alike & same, self.unit)
        return codes(group, merged), merged


def _all(each: Mask, code: Ints) -> Mask:
    """Whether it holds for all members of the same code."""
    return np.asarray((np.bincount(code, ~each) == 0)[code])
