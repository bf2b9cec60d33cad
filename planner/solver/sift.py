"""A relaxation solved on few of its offers, and proven on all: sifting, which is column generation by blocks.

    found = sift(arrays, offers, likely(arrays, offers), SolveOptions(time_limit_s=600))

Of the offers (host, stack, system, with all its periods) of a large case few are bought, and a programme on a third of them
takes a tenth of the time. It starts with offers that are cheapest somewhere. At the duals of its solution every other
offer is priced: the least reduced cost of buying a thousand accelerators of it, at any dates and for any work, is a small
linear programme of its own. Offers that would gain are added, and the programme is solved again, until none would.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csc_array, csr_array, vstack

from planner.solver.alike import Mask
from planner.solver.arrays import Arrays, Floats
from planner.solver.highs import LiveHighs
from planner.solver.members import Ints
from planner.solver.offers import Offers
from planner.solver.progress import SolveOptions
from planner.solver.solution import Solution, Status

BOUGHT = ("order", "rent")
MOST_K = 1e4
"""Thousands of accelerators of one offer that no plan buys: what an offer could gain at most is priced with it."""
OPEN_SHARE = 1e-4
"""Share of the value that may be left open by what offers could gain: the bound is that much lower."""
NOISE = 1e-7
"""Reduced cost that is none, in the unit of the objective per thousand accelerators."""

PRICES_OF_POWER = (0.0, 0.5, 2.0)
"""MUSD per MW and period added to what systems cost when the cheapest are picked: power is scarce to different degrees."""


@dataclass(frozen=True)
class Sifted:
    """The relaxation on all offers: values of all columns, proven bound, the offers it was solved on, and how often."""

    found: Solution
    bound: float
    offers: Mask
    rounds: int


def sift(arrays: Arrays, offers: Offers, start: Mask, options: SolveOptions) -> Sifted:
    """Least value of the relaxation of ``arrays``, whose bounds and costs say what is asked; ``start`` is solved first.

    Without values where there is no solution, or no time for one. Of the options, time, progress and stop are used.
    """
    began = time.perf_counter()
    parts = _Parts(arrays, offers)
    kept = start | parts.always
    for rounds in range(1, len(offers.names) + 3):
        left = None if options.time_limit_s is None else began + options.time_limit_s - time.perf_counter()
        found, duals = parts.solve(kept, replace(options, time_limit_s=left))
        if found.status is Status.INFEASIBLE and not kept.all():
            kept = np.ones(len(kept), bool)
            continue
        if found.x is None or found.objective is None:
            break
        gains = parts.gains(duals, kept)
        bound = found.objective - MOST_K * float(gains.sum())
        if bound >= found.objective - OPEN_SHARE * abs(found.objective):
            return Sifted(found, bound, kept, rounds)
        more = gains > NOISE
        kept = kept | (more if more.any() else gains > 0)
    return Sifted(found, -np.inf, kept, rounds)


class _Parts:
    """Columns and rows of every offer, and those of all."""

    def __init__(self, arrays: Arrays, offers: Offers) -> None:
        self.arrays, self.matrix = arrays, csc_array(arrays.matrix)
        self.column_offer = offers.of_column
        count = len(offers.names)
        self.row_offer = _common(self.matrix, self.column_offer)
        order = np.argsort(self.column_offer, kind="stable")
        self.columns = np.split(order, np.searchsorted(self.column_offer[order], np.arange(count)))[1:]
        order = np.argsort(self.row_offer, kind="stable")
        self.rows = np.split(order, np.searchsorted(self.row_offer[order], np.arange(count)))[1:]
        # an offer that cannot be left out, and one of whose columns may be below zero, is always there
        met = (arrays.row_lower <= 0) & (arrays.row_upper >= 0) & np.isin(arrays.row_lower, (0, -np.inf))
        met &= np.isin(arrays.row_upper, (0, np.inf))
        cone = (arrays.col_lower == 0) & np.isinf(arrays.col_upper)
        wrong = np.concatenate([self.row_offer[~met], self.column_offer[~cone & (arrays.col_upper > 0)]])
        self.always = np.zeros(count, bool)
        self.always[wrong[wrong >= 0]] = True
        self.bought = np.zeros(arrays.shape[1], bool)
        for name in BOUGHT:
            self.bought[arrays.columns[name].slice] = True

    def solve(self, kept: Mask, options: SolveOptions) -> tuple[Solution, Floats]:
        """The programme on some offers: values of all columns, and duals of all rows (0 where a row is left out)."""
        there = np.append(kept, True)
        columns, rows = np.flatnonzero(there[self.column_offer]), np.flatnonzero(there[self.row_offer])
        live = LiveHighs(_taken(self.arrays, self.matrix, rows, columns))
        live.set_option("solver", "ipm")
        live.set_option("run_crossover", "off")
        found = live.solve_to(options)
        if found.x is None or found.row_dual is None:
            return found, np.zeros(self.arrays.shape[0])
        x, duals = np.zeros(self.arrays.shape[1]), np.zeros(self.arrays.shape[0])
        x[columns], duals[rows] = found.x, found.row_dual
        return replace(found, x=x, row_dual=None, col_dual=None), duals

    def gains(self, duals: Floats, kept: Mask) -> Floats:
        """What a thousand accelerators of each offer that is not kept would gain, at these duals."""
        reduced = self.arrays.cost - self.matrix.T @ duals
        gains = np.zeros(len(kept))
        for offer in np.flatnonzero(~kept):
            columns, rows = self.columns[offer], self.rows[offer]
            if len(columns) and (reduced[columns] < -NOISE).any():
                gains[offer] = self._gain(columns, rows, reduced[columns])
        return gains

    def _gain(self, columns: Ints, rows: Ints, cost: Floats) -> float:
        own = _taken(self.arrays, self.matrix, rows, columns)
        limit = csr_array(self.bought[columns].astype(float)[None, :])
        priced = replace(
            own, matrix=csr_array(vstack([own.matrix, limit])), cost=cost,
            row_lower=np.append(own.row_lower, -np.inf), row_upper=np.append(own.row_upper, 1.0),
        )  # fmt: skip
        found = LiveHighs(priced).solve()
        return np.inf if found.objective is None else max(0.0, -found.objective)


def _common(matrix: csc_array, code: Ints) -> Ints:
    """The code that all columns of a row have, -1 where they differ or there is none."""
    entry = matrix.tocoo()
    row, own = entry.coords[0], code[entry.coords[1]]
    least, most = np.full(matrix.shape[0], len(code)), np.full(matrix.shape[0], -1)
    np.minimum.at(least, row, own)
    np.maximum.at(most, row, own)
    return np.where(least == most, most, -1)


def _taken(arrays: Arrays, matrix: csc_array, rows: Ints, columns: Ints) -> Arrays:
    """The rows and columns of a programme with these numbers, without names and integers."""
    return Arrays(
        matrix=csr_array(csr_array(matrix[:, columns])[rows]), cost=arrays.cost[columns], offset=arrays.offset,
        col_lower=arrays.col_lower[columns], col_upper=arrays.col_upper[columns],
        integrality=np.zeros(len(columns), np.int32), row_lower=arrays.row_lower[rows],
        row_upper=arrays.row_upper[rows], columns={}, rows={},
    )  # fmt: skip


def likely(arrays: Arrays, offers: Offers) -> Mask:
    """Offers that are the cheapest of their host and stack for some work, at some date, at some price of power."""
    matrix = csc_array(arrays.matrix)
    row = arrays.rows["cost_sum"].start
    weights = csr_array(arrays.matrix)[[row]].toarray().ravel()
    musd = -weights / weights[arrays.columns["cost"].start]
    stock = arrays.rows["fleet_stock"]
    price = np.full(len(offers.names), np.inf)
    for name in BOUGHT:
        block = arrays.columns[name]
        columns = np.arange(block.start, block.stop)
        periods = np.diff(csc_array(csr_array(matrix[:, columns])[stock.slice]).indptr)
        each = np.divide(musd[columns], periods, out=np.full(len(columns), np.inf), where=periods > 0)
        np.minimum.at(price, offers.of_column[columns], each)
    fleet = arrays.columns["fleet"]
    columns = np.arange(fleet.start, fleet.stop)
    peak = csr_array(matrix[:, columns])[arrays.rows["space"].slice].max(axis=0).toarray().ravel()
    power = np.zeros(len(price))
    np.maximum.at(power, offers.of_column[columns], peak)
    # a row of the balance counts the work of all systems that may do it
    balance = csr_array(arrays.matrix)[arrays.rows["work_balance"].slice].tocoo()
    at, column, ratio = balance.coords[0], balance.coords[1], balance.data
    system = offers.of_column[column] >= 0
    at, offer, ratio = at[system], offers.of_column[column[system]], ratio[system]
    picked = np.ones(len(price), bool)
    picked[offer] = False  # whose work is not shared has no rival
    for musd_per_mw in PRICES_OF_POWER:
        cost = (price[offer] + musd_per_mw * power[offer]) / ratio
        order = np.lexsort((cost, at))
        picked[offer[order[np.unique(at[order], return_index=True)[1]]]] = True
    return picked
