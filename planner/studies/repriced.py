"""A plan priced again on finer steps: what stands where and when is held, and what is served; the rest is worked out anew.

Coarse periods are an approximation. What they hide (a contract or a system that ends within one, demand that grows in it)
shows in the difference of a plan's cost to that on quarters. Held are hosts, stacks, agreements, levels, halls and plant,
each from the first day of its period (a place may open sooner, its permit no sooner than planned: ``_hold_openings``); at
every host at least the fleet of the plan; of no workload is more left unserved, and none waits longer than it may.
What ends within a period is gone from its first day, as planned (a rent is let on), or stands to its end and is replaced
then (``wait``). Contracts, orders, connections, cooling, energy and work follow at least cost; what is ordered may be in
parts of servers and racks, which the case on finer steps says (``solve.integers: none``).
What finer steps do not offer on its day is held on the nearest that they do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from planner.case.build import build_case
from planner.case.case import Case
from planner.case.commitments import rents_let_on, worth_of_one
from planner.case.context import Context
from planner.case.continuity import with_kept_service
from planner.case.limits import PARTNER
from planner.case.periods import STEP_MONTHS, Calendar
from planner.case.registry import ADOPTION, LEVEL, ONCE, PURCHASE, PURCHASES, Purchase
from planner.case.training_work import ALL_HOSTS
from planner.facts.errors import BadValue, NoPlan
from planner.plans.plan import Plan, plan_of
from planner.scenario.horizon import StepName
from planner.solver.engine import YES_OR_NO, Engine
from planner.solver.solution import Solution
from planner.studies.patterns import promised_levels

OPENINGS = PURCHASE["opens"]
"""Places: the purchase that others (halls, lines, plant) wait for."""
WHOLE_PLANT = ("plants", "bridges", "hires")
"""Purchases that may come in whole units: held as bought."""
DATES = ("t", "u")
"""Parts of the index of a purchase that are periods: of its live date, and of its sale."""
NEAR = 1e-6
"""Share by which a fleet may be smaller, and unserved demand larger: plans are read with so much rounding."""
GONE = {
    "item": "systems and rents that end within a period of the plan",
    "value": "gone from its first day, rents let on",
    "why": "the plan counts them in none of it, and what replaces them comes then",
}
"""Assumption of a plan on finer steps that replaces what it has when the plan does."""
WAYS = {
    False: "with what ends within a period of the plan replaced at its start, as planned",
    True: "with each system and rent replaced when it ends",
}
"""What ``wait`` asks for, in words."""
LIMITS = {
    "the racks a crew sets up": ("crew",),
    "quotas": ("quota_per_period", "quota_cumulative", "quota_window", "quota_capacity"),
    "what agreements allocate": ("under_quota", "agreed_capacity"),
    "budgets": ("money_cap",),
    "room in halls (a hall is too full for both what ends and what replaces it)": ("space",),
    "permits of places": ("hall_permit", "grid_permit", "plant_permit"),
    "power at sites": ("site_grid", "firm_power", "backup_power"),
    "the duty to survive a loss of supply": ("survive",),
    "caps on shares": ("share_cap",),
    "caps on emissions and water": ("carbon_cap", "site_water"),
    "floors on renewable energy": ("renewable_floor",),
    "floors on control": ("control_floor", "class_floor"),
    "what was served and is kept": ("service_kept",),
}
"""What may leave less on finer steps than in a whole period, in words, and its rules."""
ANY_PLAN = 1.0
"""Gap at which any plan will do."""
MUSD_SHOWN = 1e-6
COST = "cost_npv_musd"
"""Key figure that is compared."""


def reprice(plan: Plan, step: StepName = "quarter", wait: bool | None = None) -> Plan:
    """The same plan in periods of ``step``, with its own tables and cost.

    Systems and rents that end within a period of the plan are gone from its first day, as the plan counts them (``GONE``
    among the assumptions); with ``wait`` they stand to their own end, and what replaces them may come on that day. None:
    the first, where it can be kept.

    Raises ``BadValue`` where the plan's periods are finer, ``NoPlan`` where the plan cannot be kept on these steps.
    """
    case = finer(plan.case, step)
    ways = {False: gone_as_counted(case, plan.case.calendar), True: case}
    asked = [False, True] if wait is None else [wait]
    if wait is None and ways[False] is case:  # nothing ends within a period
        asked = [True]
    short = []
    for waits in asked:
        engine = _holding(ways[waits], plan)
        found = _least_cost(engine, plan)
        if found.x is not None:
            return plan_of(ways[waits], engine, found, plan.bounds)
        way = f"{WAYS[waits]}, " if ways[False] is not case else ""
        short.append(way + _what_is_short(engine))
    raise NoPlan(f"what the plan holds cannot be kept in periods of a {step}: {'; '.join(short)}")


def _holding(case: Case, plan: Plan) -> Engine:
    """The engine of a case on finer steps that seeks the least cost at which it has what the plan has."""
    engine = Engine(case)
    engine.policy(replace(plan.bounds, max_cost_musd=None))
    hold(engine, plan)
    engine.integers(*({YES_OR_NO} & set(engine.arrays.columns)))
    engine.minimise("cost")
    return engine


def _least_cost(engine: Engine, plan: Plan) -> Solution:
    """With places open on the first day of their period; where that leaves no plan, as much sooner as costs least.

    The second is found with whole openings, which are then held: what a search for whole numbers leaves of its tolerance is
    not in the plan.
    """
    found = engine.solve(gap=0.0)
    (family,) = OPENINGS.families
    if found.x is not None or family not in engine.arrays.columns:
        return found
    _hold_openings(engine, plan, sooner=True)
    engine.live.set_integrality(family, True)
    found = engine.solve(gap=0.0)
    if found.x is None:
        return found
    engine.fix(family, np.round(engine.family(found.x, family).to_numpy(float)))
    engine.live.set_integrality(family, False)
    return engine.solve(gap=0.0)


def _what_is_short(engine: Engine) -> str:
    """What keeps an engine without a plan from one: each limit that would have to give alone, all others kept."""
    given = engine.live.arrays
    named = []
    for words, rules in LIMITS.items():
        own = [engine.live.rows(rule) for rule in rules if rule in engine.arrays.rows]
        rows = np.concatenate(own) if own else np.array([], int)
        if len(rows):
            engine.live.set_row_bounds(rows, -np.inf, np.inf)
            if engine.solve(gap=ANY_PLAN).x is not None:
                named.append(words)
            engine.live.set_row_bounds(rows, given.row_lower[rows], given.row_upper[rows])
            engine.policy(engine.asked)  # it sets floors on control, which are rows
    if named:
        return f"{' or '.join(named)} would have to give"
    return f"no one of its limits is alone in the way (tried: {', '.join(LIMITS)})"


def usual_step(calendar: Calendar) -> StepName:
    """The step that a plan is priced on where none is asked for: the quarter, or the month where it has months."""
    return "month" if calendar.step_months % STEP_MONTHS["quarter"] else "quarter"


def finer(case: Case, step: StepName) -> Case:
    """The same case in periods of ``step``, in each of which hosts may open; orders may be in parts of servers and racks."""
    if case.calendar.step_months % STEP_MONTHS[step]:
        raise BadValue(
            f"a {step} does not divide the plan's shortest period of {case.calendar.step_months} months: --step takes "
            f"{', '.join(name for name, n in STEP_MONTHS.items() if case.calendar.step_months % n == 0)} here"
        )
    own = case.scenario
    any_time = own.solve.model_copy(update={"open_every_periods": 1, "integers": "none"})
    horizon = own.horizon.model_copy(update={"step": step})
    return build_case(own.model_copy(update={"horizon": horizon, "solve": any_time}), case.catalog)


def gone_as_counted(case: Case, coarse: Calendar) -> Case:
    """The case with systems and rents gone from the first day of the ``coarse`` period within which they end.

    The rest of a rent is let on, as in the plan: each step until then costs more by what letting on does not fetch.
    """
    life, term = case.orders["life"].to_numpy(int), case.rents["periods"].to_numpy(int)
    stands = _counted(case, coarse, case.orders["t"], life)
    runs = _counted(case, coarse, case.rents["t"], term)
    if (stands == life).all() and (runs == term).all():
        return case
    context = Context.of(case.scenario, case.catalog)
    paid = rents_let_on(context, case.rents, term - runs)["musd_per_k_step"].to_numpy(float)
    whole, used = (worth_of_one(context, 0.0, steps) for steps in (term, runs))
    rents = case.rents.assign(periods=runs, musd_per_k_step=paid * whole / used)
    assumed = pd.concat([case.assumptions, pd.DataFrame([GONE])], ignore_index=True)
    orders = case.orders.assign(life=stands)
    return with_kept_service(replace(case, orders=orders, rents=rents, assumptions=assumed))


def _counted(case: Case, coarse: Calendar, t: pd.Series, life: np.ndarray) -> np.ndarray:
    """Steps until the first day of the ``coarse`` period within which what goes live in ``t`` ends."""
    fine, live = case.calendar, case.calendar.steps_of(t)
    per = coarse.step_months // fine.step_months
    gone = coarse.steps_of(coarse.periods_of((live + life) // per)) * per
    return np.where((gone > live) & (live + life < fine.n_steps), gone - live, life)


def hold(engine: Engine, plan: Plan) -> None:
    """Bounds on the columns of an engine of finer periods that hold what the plan has."""
    tables, columns = plan.tables, engine.arrays.columns
    _hold_openings(engine, plan)
    for p in PURCHASES:
        if p is not OPENINGS and (p.domain in ("binary", "integer") or p.name in WHOLE_PLANT):
            _hold_purchase(engine, plan, p)
    stacks = tables["stacks"].set_index("a")["adopted"].astype(float)
    engine.fix(ADOPTION, stacks.reindex(columns[ADOPTION].labels).to_numpy(float))
    if LEVEL in columns:
        kept = promised_levels(tables["levels"])
        engine.fix(LEVEL, np.array([float(i in kept) for i in columns[LEVEL].index]))
    _hold_fleet(engine, plan)
    _hold_service(engine, plan)


def _hold_openings(engine: Engine, plan: Plan, sooner: bool = False) -> None:
    """What was opened opens on the first day of its period; ``sooner``, or before, with a permit no earlier than planned.

    Lead times round up to whole periods, so a place of which the period before is long too has its permit up to that much
    ahead of its first hall, and what waits for the permit (halls, lines and plant of longer works) counts on it. Nothing
    stands at the place sooner: its halls are held, and a leased one has its permit on the day it opens.
    """
    (family,) = OPENINGS.families
    if family not in engine.arrays.columns:
        return
    case, offered = engine.case, engine.arrays.columns[family].index
    latest = dict(_nearest(OPENINGS, i, offered) for i, _ in _bought(case, plan, OPENINGS))
    planned = plan.tables["opens"].set_index("h")["permit_date"]
    granted = [pd.Timestamp(case.calendar.date_of(case.opens["permit_t"][i])) for i in offered]
    may = [
        h in latest and (t == latest[h] or (sooner and t < latest[h] and permit >= planned[h]))
        for (h, t), permit in zip(offered, granted, strict=True)
    ]
    engine.live.set_col_bounds(family, 0.0, np.array(may, float))
    opened = [float(h in latest) for (h,) in engine.arrays.rows[ONCE[family]].index]
    engine.live.set_row_bounds(ONCE[family], opened, 1.0)


def _hold_purchase(engine: Engine, plan: Plan, p: Purchase) -> None:
    """What was bought is bought on the first day of its period or the nearest that is offered, and nothing else is."""
    columns = {f: engine.arrays.columns[f].index for f in p.families if f in engine.arrays.columns}
    offered = [i for index in columns.values() for i in index]
    amounts: defaultdict[tuple[Any, ...], float] = defaultdict(float)
    for i, amount in _bought(engine.case, plan, p):
        amounts[_nearest(p, i, offered)] += amount
    for family, index in columns.items():
        engine.fix(family, np.array([amounts[i] for i in index], float))


def _nearest(p: Purchase, wanted: tuple[Any, ...], offered: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
    """Of what finer steps offer, the purchase of the same thing with its dates nearest; NoPlan where there is none.

    What grows within a long period (the grid of a site, after which plant is sold) counts from the next on: on finer steps
    earlier, and what is done on that day is offered then.
    """
    dates = [n for n, name in enumerate(p.index) if name in DATES]
    same = [i for i in offered if all(n in dates or i[n] == own for n, own in enumerate(wanted))]
    if not same:
        raise NoPlan(f"{p.words.lower()}: {', '.join(map(str, wanted))} is not offered on finer steps")
    return min(same, key=lambda i: sum(abs(i[n] - wanted[n]) for n in dates))


def _bought(case: Case, plan: Plan, p: Purchase) -> Iterator[tuple[tuple[Any, ...], float]]:
    """Index in the finer case and amount in the unit of the variable."""
    for row in plan.tables[p.name].to_dict("records"):
        index = tuple(
            case.calendar.containing(plan.case.calendar.date_of(int(row[name])))
            if name in DATES
            else row[name]
            for name in p.index
        )
        yield index, row[p.amount] / p.per if p.amount else 1.0


def _periods(case: Case, plan: Plan, t: int) -> range:
    """Periods of the finer case within a period of the plan."""
    first, after = (case.calendar.containing(plan.case.calendar.date_of(int(t) + n)) for n in (0, 1))
    return range(first, after)


def _hold_fleet(engine: Engine, plan: Plan) -> None:
    """At least the fleet of the plan: what ends within one of its periods may stand on, in the space of what replaces it.

    So where a host's fleet of any system falls, its others need to have grown by the last step of the period only.
    """
    held = plan.tables["fleet"].pivot_table(
        index="t", columns=["h", "a", "k"], values="accelerators", aggfunc="sum"
    )
    held = held.reindex(range(plan.case.calendar.n)).fillna(0.0) / 1000.0 * (1.0 - NEAR)
    before = held.shift(fill_value=0.0)
    falls = (held < before).T.groupby("h").any().T
    least: dict[tuple[Any, ...], float] = {}
    for h, a, k in held.columns:
        now, low, gives_way = held[h, a, k], np.minimum(held[h, a, k], before[h, a, k]), falls[h]
        for t in held.index:
            steps = _periods(engine.case, plan, t)
            least |= {(h, a, k, i): low[t] if gives_way[t] and i < steps[-1] else now[t] for i in steps}
    own = np.array([least.get(i, 0.0) for i in engine.arrays.columns["fleet"].index])
    engine.live.set_col_bounds("fleet", own, np.inf)


def _hold_service(engine: Engine, plan: Plan) -> None:
    """No more of a workload is left unserved than in the plan; the runs of training that it does are done at their place."""
    arrays, runs = engine.arrays, plan.tables["training"]
    trained = set(runs["w"])
    open_share = {
        (row.w, t): row.unserved_share + NEAR if row.unserved_share > NEAR else 0.0
        for row in plan.tables["demand"].itertuples()
        if row.w not in trained
        for t in _periods(engine.case, plan, row.t)
    }
    block = arrays.columns["unserved"]
    most = np.array([open_share.get(i, 1.0) for i in block.index])
    engine.live.set_col_bounds("unserved", 0.0, np.minimum(most, arrays.col_upper[block.slice]))
    if "placed" in arrays.columns:
        at = {
            (w, j): h
            for w, j, h in runs.loc[runs["finished_share"] > 0.5, ["w", "j", "h"]].itertuples(index=False)
        }
        places = arrays.columns["placed"].index
        done = [float((w, j) in at and q in (at[w, j], ALL_HOSTS)) for w, j, q in places]
        engine.fix("placed", np.array(done))


def opened_sooner(plan: Plan, again: Plan) -> pd.DataFrame:
    """h, planned_date, live_date of places that open sooner in ``again``, for what waits for their permit.

    What stands there comes no sooner: it adds the place's team to the cost, and no service.
    """
    planned = plan.tables["opens"][["h", "live_date"]].rename(columns={"live_date": "planned_date"})
    both = planned.merge(again.tables["opens"][["h", "live_date"]], on="h")
    return both[both["live_date"] < both["planned_date"]].reset_index(drop=True)


def cost_by_account(plan: Plan, again: Plan) -> pd.DataFrame:
    """kind, account, plan_musd, repriced_musd, more_musd: present value that the partner pays, largest difference first."""
    sums = []
    for each in (plan, again):
        ledger = each.tables["ledger"]
        own = ledger[ledger["payer"] == PARTNER]
        sums.append(own.groupby(["kind", "account"], observed=True)["musd_discounted"].sum())
    table = pd.DataFrame({"plan_musd": sums[0], "repriced_musd": sums[1]}).fillna(0.0)
    table["more_musd"] = table["repriced_musd"] - table["plan_musd"]
    table = table[(table[["plan_musd", "repriced_musd"]].abs() > MUSD_SHOWN).any(axis=1)]
    return table.sort_values("more_musd", key=lambda x: -x.abs()).reset_index()
