"""Headline figures of a point of the trade-off, by vectors over columns: no tables are built."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from planner.case.limits import PARTNER
from planner.case.measures import MEASURES, serving_weights
from planner.case.registry import LEVEL, NO_OUTLAY
from planner.plans.kpis import SERVICE, for_service, service_months
from planner.solver.arrays import Floats
from planner.solver.engine import Engine

LEAST_HELD = 0.5
"""Accelerators below which a host holds none."""
NOTHING = 1e-9
"""A share served below this is none: it has no control."""


class Figures:
    """Money (MUSD), delay (months), control (points), size and dates of values of all columns, by ``NAMES``."""

    NAMES = (
        "cost_npv_musd", "delay_months", "control_score", "national_control",
        *(f"{name}_by_{measure}" for measure in MEASURES for name in ("control", "national_control")),
        "served_work_share", "served_share",
        "capex_musd", "capex_partner_musd", "outlay_musd", "accelerators", "accelerators_rented", "it_mw", *SERVICE,
    )  # fmt: skip

    def __init__(self, engine: Engine) -> None:
        entries = engine.entries[engine.entries["payer"] == PARTNER]
        money = [
            self._vector(engine, engine.entries[engine.entries["kind"] == "capex"]),
            self._vector(engine, entries[entries["kind"] == "capex"]),
            self._vector(engine, entries[~entries["kind"].isin([*NO_OUTLAY, "physical"])]),
        ]
        last = engine.case.calendar.n - 1
        mode = engine.case.hosts["mode"]
        power = engine.case.systems["peak_mw_per_k"]
        fleet, rented, it_mw = np.zeros((3, engine.arrays.shape[1]))
        self.held: dict[str, list[int]] = {}
        block = engine.arrays.columns["fleet"]
        for i, (h, _, k, t) in enumerate(block.index):
            if t != last:
                continue
            fleet[block.start + i] = 1000.0
            self.held.setdefault(h, []).append(block.start + i)
            if mode[h] == "cloud":
                rented[block.start + i] = 1000.0
            else:
                it_mw[block.start + i] = float(power[k])
        # sparse: a dense product wakes the threads of BLAS, which costs more than the sum
        self.calendar = engine.case.calendar
        self.periods, served = self._served(engine)
        sums = [*(vector for vector, _ in money), fleet, rented, it_mw, *self._control(engine), *served]
        self.levels = list(self._levels(engine))
        self.weights = csr_array(np.vstack(sums))
        self.constants = np.zeros(len(sums))
        self.constants[: len(money)] = [constant for _, constant in money]

    @staticmethod
    def _control(engine: Engine) -> Iterator[Floats]:
        """By each measure: weights of what is served, and of the control of it."""
        at, sigma = engine.arrays.columns["serve"].slice, engine.case.serve["sigma"].to_numpy(float)
        for measure in MEASURES:
            weight = serving_weights(engine.case, measure).to_numpy(float)
            for values in (weight, 100.0 * weight * sigma):
                out = np.zeros(engine.arrays.shape[1])
                out[at] = values
                yield out

    @staticmethod
    def _levels(engine: Engine) -> Iterator[tuple[int, csr_array]]:
        """The column of each level that a host may be held to, and what it adds to control by each measure."""
        case, serve, hold = engine.case, engine.arrays.columns["serve"], engine.arrays.columns[LEVEL]
        by = [serving_weights(case, measure) for measure in MEASURES]
        own = case.serve.reset_index(drop=True)[["w", "h", "a", "k", "t"]].assign(at=range(len(case.serve)))
        rows = own.merge(case.level_gains.reset_index(drop=True), on=["w", "h", "a", "k"])
        for (h, level), part in rows.groupby(["h", "l"], sort=False):
            out = np.zeros((len(MEASURES), engine.arrays.shape[1]))
            for n, weight in enumerate(by):
                out[n, serve.start + part["at"].to_numpy()] = (
                    100.0 * part["gain"] * weight.to_numpy(float)[part["at"]]
                )
            yield hold.position((h, level)), csr_array(out)

    @staticmethod
    def _served(engine: Engine) -> tuple[list[int], list[Floats]]:
        """The periods with demand for service, and for each the weights of what is unserved in it, as shares of all."""
        case = engine.case
        rows = for_service(case.demand.assign(by_deadline=case.demand["w"].isin(set(case.trainings["w"]))))
        asked = rows.groupby("t")["demand_kref"].sum()
        asked = asked[asked > 0].sort_index()
        weights = {int(t): np.zeros(engine.arrays.shape[1]) for t in asked.index}
        block = engine.arrays.columns["unserved"]
        for (w, t), kref in rows["demand_kref"].items():
            weights[int(t)][block.position((w, t))] = kref / asked[t]
        return [*weights], [*weights.values()]

    @staticmethod
    def _vector(engine: Engine, entries: pd.DataFrame) -> tuple[Floats, float]:
        out, constant = np.zeros(engine.arrays.shape[1]), 0.0
        for family, part in entries.groupby("family", sort=False):
            if family == "constant":
                constant = float(part["musd"].sum())
                continue
            block = engine.arrays.columns[str(family)]
            at = [block.position(i) for i in part["index"]]
            np.add.at(out, at, part["musd"].to_numpy(float))
        return out, constant

    def hosts(self, x: Floats) -> str:
        """Ids of the hosts with accelerators at the horizon's end, with commas."""
        return ", ".join(h for h, at in self.held.items() if 1000.0 * x[at].sum() > LEAST_HELD)

    def of(self, engine: Engine, x: Floats) -> dict[str, float]:
        sums, shares = np.split(self.weights @ x + self.constants, [-len(self.periods)])
        money_and_size, (work, by_work, priority, by_priority) = sums[:-4], sums[-4:]
        for column, gained in self.levels:
            if x[column] > 0.5:
                more = gained @ x
                by_work, by_priority = by_work + more[0], by_priority + more[1]
        score, national = engine.control(x), 100 * engine.value(x, "control")
        if (
            self.levels
        ):  # what a place is held to counts for all its work, whether or not the floor asks for it
            work_first = engine.case.scenario.limits.min_control_by == MEASURES[0]
            national, served = (by_work, work) if work_first else (by_priority, priority)
            score = national / served if served > NOTHING else 0.0
        dates = service_months(pd.Series(1.0 - shares, index=self.periods), self.calendar)
        values = (
            engine.value(x, "cost"), engine.value(x, "delay"), score, national,
            by_work / work if work > NOTHING else 0.0, by_work,
            by_priority / priority if priority > NOTHING else 0.0, by_priority,
            work, priority, *money_and_size, *dates.values(),
        )  # fmt: skip
        return dict(zip(self.NAMES, map(float, values), strict=True))
