"""SupplierLoss test: what stops, for how long and at what cost, if a supplier, licence, law or site is lost.

    base = solve(build_case(scenario)).plan
    test = sever(base, Cut(id="us-operator", **{"from": date(2030, 1, 1)}, operators=["us-operator"]))
    test.summary, test.service, test.stops

Everything decided before the date is held as in the plan: orders on their way arrive, contracts run on and are paid;
plant bought to be sold again is held, its sale decided on the day of the sale. From the date on the planner answers
at least cost, with no workload worse off in any quarter, nor waiting longer in all, than in the plan or, where that
cannot be kept, than in the soonest answer. The duties to serve all and to keep what is served, floors on control,
caps on shares and what must survive a loss are lifted, for what they asked may no longer be possible: the reserve may
be used. Service before the date is held, too, to a ten-thousandth of demand; where it cannot be,
``SupplierLoss.notes`` says how far it moved and why. A stack not in the plan pays its adoption from the start of the
horizon, as everywhere in the model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from planner.case.build import build_case
from planner.case.case import Case
from planner.case.cuts import offers_cut
from planner.case.registry import PURCHASE, PURCHASES
from planner.facts.catalog import Catalog
from planner.facts.errors import BadValue, NotOffered
from planner.planning.events import OnEvent
from planner.planning.pipeline import solve
from planner.planning.solve_run import GAPS, Outcome
from planner.plans.plan import Plan
from planner.scenario.schema import Cut, Scenario
from planner.solver.arrays import Arrays, Floats
from planner.solver.engine import ANY_AMOUNT, HALLS, PATTERN, Engine
from planner.solver.solution import Status
from planner.studies.supplier_loss_tables import (
    SUMMARY,
    UNSERVED,
    buys_table,
    service_table,
    stops_table,
    summary_table,
)

WAIT_SLACK_MONTHS = 0.02
"""What rounding to whole units may add to a workload's wait."""
NOISE = 1e-5
"""Room above what is held (MW or thousand accelerators), for a plan meets its rows to a tolerance only.

It must be well above HiGHS's tolerance for integer programmes of 1e-6: a column whose bounds are no further apart
than that is taken as fixed at one of them, and rows that need the other are then called infeasible.
"""
HISTORY = (1e-4, 1e-3, 1e-2, 1.0)
"""How far the unserved share before the date may move, the least that has a solution."""
LP_S = 60.0
QUARTER_SLACK = 0.9 * UNSERVED
"""What rounding to whole units may add to the unserved share of a quarter."""


@dataclass(frozen=True)
class SupplierLoss:
    """Result of one cut. ``outcome.plan`` is the answer to it; ``summary`` compares KPIs before and after.

    ``service``: per workload the months of demand lost and the first period without loss; ``stops``: offers hit,
    with the accelerators that stood at the date, until when they run, and those the plan still wanted from them;
    ``buys``: capital that the answer adds to the plan or spares, by account.
    """

    cut: Cut
    base: Plan
    outcome: Outcome
    summary: pd.DataFrame  # kpi, unit, plan, after_loss, change, change_at_least
    service: pd.DataFrame  # w, lost_months, lost_share_after, worst_share, back, back_date, why
    stops: pd.DataFrame  # h, a, k, accelerators, planned_later, what, runs_until
    buys: pd.DataFrame  # account, musd
    notes: list[str] = field(default_factory=list)


def without_duties(scenario: Scenario) -> Scenario:
    """The scenario without the duties that may no longer be met after a loss."""
    demand = [
        w.model_copy(
            update={"optional": True, "must_serve_by": None, "survival_share": 0.0, "may_lapse": True}
        )
        for w in scenario.demand
    ]
    limits = scenario.limits.model_copy(
        update={
            "max_delay_months": None,
            "min_control": None,
            "max_cost_musd": None,
            "control_floors": [],
            "shares": [],
            "survival": [],
        }
    )
    return scenario.model_copy(update={"demand": demand, "limits": limits})


def answer(
    base: Plan,
    scenario: Scenario,
    catalog: Catalog,
    first: int,
    quality: str,
    on_event: OnEvent | None = None,
    should_stop: Callable[[], bool] | None = None,
    free: tuple[str, ...] = (),
) -> tuple[Outcome, list[str]]:
    """The plan of a changed scenario (or changed facts) in which all that ``base`` decided before ``first`` is held.

    Duties are lifted; what is served waits no longer than in ``base`` or, where that cannot be, than in the soonest
    answer. ``free`` names variables that are not held. Also notes on what could not be held.
    """
    case = build_case(without_duties(scenario), catalog)
    engine = frozen(case, base, first, free)
    waits, notes = _held_history(engine, base, first, quality)
    limits = case.scenario.limits.model_copy(update={"max_delay_months": waits})
    case = replace(case, scenario=case.scenario.model_copy(update={"limits": limits}))
    found = solve(case, quality, on_event=on_event, should_stop=should_stop, engine=engine.for_case(case))
    return found, notes


def sever(
    base: Plan,
    cut: Cut,
    quality: str = "quick",
    on_event: OnEvent | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> SupplierLoss:
    """Cut a plan's supplier, licence, law or site and plan again from that date on.

    Raises ``NotOffered`` where the cut names nothing the plan could use, ``BadValue`` where it falls outside the
    horizon.
    """
    calendar = base.case.calendar
    first = calendar.containing(cut.from_)
    if not 0 <= first < calendar.n:
        raise BadValue(
            f"cut {cut.id}: {cut.from_} lies outside the horizon {calendar.start} to {calendar.end}"
        )
    hit = offers_cut(base.case.offers, cut)
    if not len(hit):
        raise NotOffered(f"cut {cut.id} names nothing that this case offers")
    after_cut = base.case.scenario.model_copy(update={"cuts": [*base.case.scenario.cuts, cut]})
    outcome, notes = answer(base, after_cut, base.case.catalog, first, quality, on_event, should_stop)
    after = outcome.plan
    return SupplierLoss(
        cut, base, outcome,
        summary_table(base, after, outcome.bound) if after else pd.DataFrame(columns=SUMMARY),
        service_table(base, after, first) if after else pd.DataFrame(),
        stops_table(base, after, hit, cut, first),
        buys_table(base, after) if after else pd.DataFrame(columns=["account", "musd"]), notes,
    )  # fmt: skip


def _held_history(
    engine: Engine, base: Plan, first: int, quality: str
) -> tuple[dict[str, float] | None, list[str]]:
    """Months every workload may be unserved, with service before the date held as closely as can be; and notes.

    As in the plan, or as soon as can be where that is longer. None where no plan was found at all.
    """
    engine.integers(*PATTERN, *HALLS)
    demand = base.tables["demand"]
    own = (demand["unserved_share"].astype(float) * demand["months"].astype(float)).groupby(demand["w"]).sum()
    notes: list[str] = []
    for room in HISTORY:
        _hold_service(engine, base, first, room)
        engine.minimise("delay")
        found = engine.live.solve(gap=GAPS[quality], time_limit_s=engine.case.scenario.solve.time_limit_s)
        if found.x is not None:
            best = engine.delays(found.x)
            _hold_later(engine, base, first, found.x)
            notes += [_moved(engine, base, first, found.x)] if room > HISTORY[0] else []
            return {w: max(m, float(own.get(w, 0.0))) + WAIT_SLACK_MONTHS for w, m in best.items()}, notes
        if room == HISTORY[0]:
            why = (
                _blocked(engine, base, first) if found.status is Status.INFEASIBLE else "no plan in the time"
            )
            notes.append(
                f"service before {base.case.calendar.label(first)} cannot be held as in the plan: {why}"
            )
            engine.integers(*PATTERN, *HALLS)
    return None, notes


def _hold_service(engine: Engine, base: Plan, first: int, room: float) -> None:
    """Hold the unserved share of every workload before the date to within ``room`` above the plan's."""
    unserved, arrays = engine.arrays.columns["unserved"], engine.arrays
    rows = base.tables["demand"].query("t < @first")
    columns = np.array([unserved.position((w, int(t))) for w, t in zip(rows["w"], rows["t"], strict=True)])
    if not len(columns):
        return
    before = rows["unserved_share"].to_numpy(float)
    below = NOISE if room < 1.0 else 1.0
    lower, upper = np.clip(before - below, 0.0, 1.0), np.clip(before + room, 0.0, 1.0)
    arrays.col_lower[columns], arrays.col_upper[columns] = (
        lower,
        upper,
    )  # also for what is freed to them later
    engine.live.set_col_bounds(columns.astype(np.int32), lower, upper)


def _hold_later(engine: Engine, base: Plan, first: int, x: Floats) -> None:
    """From the date on no quarter of a workload may be shorter of service than in the plan or in ``x``.

    A bound on the wait alone would let cost move what a workload may be unserved to its last quarters.
    """
    now = engine.family(x, "unserved")
    later = np.flatnonzero(now.index.get_level_values(1).to_numpy(int) >= first)
    before = (
        base.tables["demand"]
        .set_index(["w", "t"])["unserved_share"]
        .astype(float)
        .reindex(now.index)
        .fillna(0.0)
    )
    upper = np.minimum(np.maximum(now, before).to_numpy(float)[later] + QUARTER_SLACK, 1.0)
    columns = (engine.arrays.columns["unserved"].start + later).astype(np.int32)
    engine.arrays.col_upper[columns] = upper
    engine.live.set_col_bounds(columns, engine.arrays.col_lower[columns], upper)


def _moved(engine: Engine, base: Plan, first: int, x: Floats) -> str:
    """The workload and period whose service before the date had to move most."""
    before = base.tables["demand"].query("t < @first").set_index(["w", "t"])["unserved_share"].astype(float)
    now = engine.family(x, "unserved").reindex(before.index)
    (w, t), change = (now - before).abs().idxmax(), float((now - before).abs().max())
    return f"it moves by up to {change:.2%} of demand ({w}, {base.case.calendar.label(int(t))})"


def _blocked(engine: Engine, base: Plan, first: int) -> str:
    """The rule that keeps service before the date from being what it was: least service lost, and its prices."""
    _hold_service(engine, base, first, 1.0 - NOISE)
    engine.integers()
    columns = [i for i, (_, t) in enumerate(engine.arrays.columns["unserved"].index) if int(t) < first]
    engine.live.set_objective({int(engine.arrays.columns["unserved"].start + i): 1.0 for i in columns})
    found = engine.live.solve(time_limit_s=LP_S)
    if found.row_dual is None or found.x is None:
        return f"decisions of the plan cannot be repeated ({found.status.value})"
    weight = np.abs(found.row_dual) * (abs(engine.arrays.matrix) @ np.abs(found.x))  # idle rows say nothing
    worst: list[tuple[float, str, object]] = []
    for name, block in engine.arrays.rows.items():
        if name.startswith("demand"):
            continue
        prices = weight[block.start : block.stop]
        if len(prices) and prices.max() > NOISE:
            worst.append((float(prices.max()), name, block.index[int(prices.argmax())]))
    if not worst:
        return "whole places, stacks and halls of the plan cannot be repeated"
    _, name, index = max(worst, key=lambda row: row[0])
    return f"rule {name} at {', '.join(map(str, index)) if isinstance(index, tuple) else index} forbids it"


def frozen(case: Case, base: Plan, first: int, free: tuple[str, ...] = ()) -> Engine:
    """The model of a case in which all that ``base`` decided and served before period ``first`` is held, but ``free``."""
    engine = Engine(case)
    arrays = engine.arrays
    lower, upper = arrays.col_lower.copy(), arrays.col_upper.copy()
    for family, table, value, decided in _decisions(case, base):
        block = arrays.columns.get(family)
        early = table.index[decided.to_numpy(int) < first]
        if block is None or not len(early) or family in free:
            continue
        columns = np.array([block.position(i) for i in early], dtype=np.int32)
        held = value.reindex(early).fillna(0.0).to_numpy(float)
        lower[columns] = upper[columns] = held
        if family in ANY_AMOUNT:  # the plan itself holds its rows to a tolerance only
            upper[columns] = held + NOISE
    use = arrays.columns["use"]
    stacks = base.tables["stacks"]
    for a in stacks.loc[stacks["adopted"].astype(bool), "a"]:
        if a in case.stacks.index:
            lower[use.position(a)] = 1.0
    arrays.col_lower[:], arrays.col_upper[:] = lower, upper  # what a family is freed to later, too
    engine = engine.within_bounds(case, _hold_plant(case, base, arrays, first))
    _hold_service(engine, base, first, HISTORY[0])
    return engine


def _hold_plant(case: Case, base: Plan, arrays: Arrays, first: int) -> Arrays:
    """The arrays with a row ``held_plant`` (h, g, t) of all MW of plant ordered before the date, sold later or not.

    Whether and when it is sold is decided on the day of the sale, and the days on which it may be differ between cases.
    """
    plants = case.plants
    ordered = case.calendar.periods_of(PURCHASE["plants"].decided_step(plants, case.calendar))
    index = list(plants.index[np.asarray(ordered) < first])
    if not index:
        return arrays
    keys = ["h", "g", "t"]
    bought = pd.concat([base.tables[name][[*keys, "added_mw"]] for name in ("plants", "bridges")])
    held = bought.groupby(keys)["added_mw"].sum().reindex(index).fillna(0.0).to_numpy(float)
    row_of = {key: row for row, key in enumerate(index)}
    members = [
        (row_of[h, g, t], block.start + i)
        for block in (arrays.columns["plant"], arrays.columns["bridge"])
        for i, (h, g, *_, t) in enumerate(block.index)
        if (h, g, t) in row_of
    ]
    at = tuple(np.array(members).T)
    rows = csr_array((np.ones(len(members)), at), shape=(len(index), arrays.shape[1]))
    return arrays.with_rows("held_plant", index, rows, held, held + NOISE)


def _decisions(case: Case, base: Plan) -> Iterator[tuple[str, pd.DataFrame, pd.Series, pd.Series]]:
    """(variable, index table, the plan's value in model units, period of the decision) of each family.

    Of plant only its sales: what is bought is held in sum.
    """

    for p in PURCHASES:
        if p.name == "plants":
            continue
        bought = base.tables[p.name]
        amount = bought[p.amount].astype(float) / p.per if p.amount else pd.Series(1.0, index=bought.index)
        index = pd.MultiIndex.from_frame(
            bought[list(p.index)].astype({"t": int}), names=[None] * len(p.index)
        )
        value = pd.Series(amount.to_numpy(float), index=index)
        for family, table in p.parts(getattr(case, p.table)):
            decided = case.calendar.periods_of(p.decided_step(table, case.calendar))
            if p.name == "bridges":
                decided = table["u"].to_numpy(int)
            yield family, table, value, pd.Series(decided, table.index)
