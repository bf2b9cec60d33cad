"""What concessions are worth: to the country at the table, and so the most it should pay for them.

    negotiation_table(scenario)

Each row is a difference of two least costs at the same bounds on the wait of every workload and the same floors: those of
the scenario, with waits measured from the soonest plan that signs nothing optional. The interval holds for certain: it is
made of the cost of one plan and the bound of the other. Where it holds 0, the two cannot be told apart.

- an agreement: cost with it forbidden less cost with it signed for nothing; its price less that is the least change that
  makes it the choice; decisions of the scenario on this agreement are set aside in both;
- a month of licence: all licences sooner by one period, by month;
- a thousand of quota: one thousand accelerators more of each cap on orders, of each agreement, or on what is held;
- keys at home, a local operator, the country's own law: these attributes for all stacks, and for all hosts that are run
  from abroad or that a law from abroad reaches.

What a quota, keys, an operator or a law would allow, a plan may leave unused. So the plan to compare with is one of theirs
too, and a search ends as soon as the hosts and stacks it found cannot cost less than the bound of that plan: no plan there
can be told apart from it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from planner.case.agreements import costs_of
from planner.case.case import Case
from planner.case.context import Context
from planner.facts.catalog import Catalog
from planner.facts.errors import BadValue
from planner.planning.events import Event, OnEvent
from planner.planning.pipeline import solve
from planner.planning.solve_run import Effort, Outcome
from planner.plans.plan import Plan
from planner.scenario.schema import Scenario
from planner.solver.arrays import Floats
from planner.solver.engine import Engine
from planner.studies.concessions import AGREEMENT, WHATS, Asked, Concession, concessions, decided
from planner.studies.patterns import pattern_of_tables

COLUMNS = [
    "what",
    "item",
    "unit",
    "status",
    "worth_musd",
    "low_musd",
    "high_musd",
    "told_apart",
    "price_musd",
    "change_musd",
]
PLACES_GAP = 0.1
"""Share of the gap that hosts and stacks may leave open: halls leave more of it open in both plans of a pair."""


@dataclass
class _Table(Asked):
    """One table: its scenario with waits frozen, the plan to compare with, and what each solve is told."""

    quality: str
    on_event: OnEvent | None
    should_stop: Callable[[], bool] | None
    began: float = field(default_factory=time.perf_counter)
    chosen: dict[str, pd.DataFrame] = field(default_factory=dict)
    """Tables of the plan to compare with: at its hosts, stacks and signatures every other search begins."""
    at: str = ""

    def say(self, words: str) -> None:
        if self.on_event is not None:
            self.on_event(Event("negotiate", words, round(time.perf_counter() - self.began, 2)))

    def solve(self, words: str, case: Case, below: float = np.inf, sign: str = "") -> Outcome:
        """A plan of a case; none that could not cost less than ``below``. ``sign``: an agreement to begin with."""
        self.say(f"{self.at}{words}")
        engine = Engine(case)
        effort = Effort(PLACES_GAP, below, direct=False)
        start = self.start(engine, sign)
        return solve(case, self.quality, "cost", self.on_event, self.should_stop, engine, start, effort)

    def start(self, engine: Engine, sign: str) -> Floats:
        """Values of all columns with the hosts and stacks of the plan to compare with, for a case like it."""
        x = np.zeros(engine.arrays.shape[1])
        for family, values in pattern_of_tables(engine, self.chosen).items():
            x[engine.arrays.columns[family].slice] = values
        own = [i for i, (e, _) in enumerate(engine.arrays.columns["sign"].index) if e == sign]
        block = engine.arrays.columns["sign"]
        if own and not x[block.start + np.array(own)].any():
            x[block.start + own[0]] = 1.0
        return x


def negotiation_table(
    scenario: Scenario,
    quality: str = "quick",
    catalog: Catalog | None = None,
    on_event: OnEvent | None = None,
    should_stop: Callable[[], bool] | None = None,
    whats: tuple[str, ...] = WHATS,
) -> pd.DataFrame:
    """Rows (columns ``COLUMNS``), MUSD of present value; ``whats`` says which kinds.

    ``worth_musd`` is the difference of the costs of the two plans, ``low_musd`` to ``high_musd`` what it certainly lies in,
    infinite where there is no plan without the concession. ``price_musd`` is what the scenario asks for an agreement at
    the date at which it would be signed; ``change_musd`` what of it must go for the agreement to be the choice.
    ``status`` is that of the plan that has it; ``not-below`` where the search ended early, for it could not be told apart.
    Raises ``BadValue`` where the scenario itself has no plan.
    """
    table = _Table(scenario, catalog or scenario.catalog, quality, on_event, should_stop)
    table.say("the plan to compare with")
    base = solve(table.case(scenario), quality, on_event=on_event, should_stop=should_stop)
    if base.plan is None:
        raise BadValue(f"the scenario has no plan: {base.status}")
    plan = base.plan
    table.scenario = scenario.model_copy(update={"limits": base.bounds.in_limits(scenario.limits)})
    table.chosen = plan.tables
    asked = concessions(table, plan, whats)
    rows = []
    for number, concession in enumerate(asked, 1):
        table.at = f"{number} of {len(asked)}: "
        row = _agreement if concession.what == AGREEMENT else _other
        rows.append(row(table, base, plan, concession))
    return pd.DataFrame(rows, columns=COLUMNS)


def _row(concession: Concession, without: Outcome, having: Outcome) -> dict[str, Any]:
    """What it is worth to have a thing, of two plans that ask for the same."""
    row: dict[str, Any] = {
        "what": concession.what, "item": concession.item, "unit": concession.unit, "status": str(having.status),
        "told_apart": False,
    }  # fmt: skip
    left = without if concession.may_be_left else None
    costs = [
        found.plan.kpi("cost_npv_musd")
        for found in (having, left)
        if found is not None and found.plan is not None
    ]
    if not costs or having.bound is None:
        return row
    if without.plan is None or without.bound is None:
        if without.status == "infeasible":
            row |= {"worth_musd": np.inf, "low_musd": np.inf, "high_musd": np.inf, "told_apart": True}
        return row
    cost, other, per = min(costs), without.plan.kpi("cost_npv_musd"), concession.per
    low, high = (without.bound - cost) / per, (other - having.bound) / per
    return row | {"worth_musd": (other - cost) / per, "low_musd": low, "high_musd": high,
                  "told_apart": not low <= 0.0 <= high}  # fmt: skip


def _other(table: _Table, base: Outcome, _: Plan, concession: Concession) -> dict[str, Any]:
    """The row of what is conceded beside agreements."""
    below = base.bound if concession.may_be_left and base.bound is not None else np.inf
    having = table.solve(f"{concession.what} {concession.item}", concession.case(), below)
    return _row(concession, base, having)


def _agreement(table: _Table, base: Outcome, plan: Plan, concession: Concession) -> dict[str, Any]:
    """The row of an agreement, with its price and what of that must go."""
    name, without = concession.item, base
    if name in set(plan.tables["agreements"]["e"]):
        without = table.solve(f"{name} forbidden", table.case(decided(table.scenario, "forbid", name)))
    having = table.solve(f"{name} signed for nothing", concession.case(), sign=name)
    row = _row(concession, without, having)
    if having.plan is not None:
        price = _price(plan.case, name, having.plan)
        row["price_musd"] = price
        if "worth_musd" in row:
            row["change_musd"] = max(0.0, price - row["worth_musd"])
    return row


def _price(case: Case, agreement: str, having: Plan) -> float:
    """Present value of what the scenario asks, at the date at which it would be signed for nothing."""
    terms = next(a for a in case.scenario.agreements if a.id == agreement)
    rows = having.tables["agreements"]
    t = int(rows.loc[rows["e"] == agreement, "t"].iloc[0])
    once, yearly = costs_of(Context.of(case.scenario, case.catalog), terms)
    end = int(case.terms.at[agreement, "end_t"])
    discount = case.periods["discount"].to_numpy(float)
    return once * float(discount[t]) + yearly * float((case.calendar.years[t:end] * discount[t:end]).sum())
