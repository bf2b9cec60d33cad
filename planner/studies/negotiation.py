"""What concessions are worth: to the country at the table, and so the most it should pay for them.

    negotiation_table(scenario)

Each row is a difference of two least costs at the same bounds on the wait of every workload and the same floors: those of
the scenario, with waits measured from the soonest plan that signs nothing optional. In both, hosts, stacks and signatures
are whole, halls and servers come in parts: what whole ones add to one plan and not to the other is chance, and as large as
most of what is asked for here (``rounding_musd`` says how large). The interval holds for certain: it is made of the cost of
one and the bound of the other. Where it holds 0, the two cannot be told apart. At quality ``plan`` whole plans are made as
well, with an interval of their own.

- an agreement: cost with it forbidden less cost with it signed for nothing; its price less that is the least change that
  makes it the choice; decisions of the scenario on this agreement are set aside in both;
- an agreement that is not signed, on other terms: the same with keys, operator or law of the hosts and stacks it
  covers at home; one that covers none (a loan) has no such row;
- a month of licence: all licences sooner by one period, or by what they take where that is less, by month taken off (where
  offers differ, the most taken off any);
- a thousand of quota: one thousand accelerators more of each cap on orders, of each agreement, or on what is held;
- keys at home, a local operator, the country's own law: these attributes for all stacks, and for all hosts that are run
  from abroad or that a law from abroad reaches.

What a quota, keys, an operator or a law would allow, a plan may leave unused: they are worth nothing or more.

A search begins at the hosts and stacks compared with, goes by what the searches before it have learned, and ends as soon
as its interval is at most half of what it has found, or says that less is to be had than a small share of the cost, or
after so many pivots.
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
from planner.facts.errors import NoPlan
from planner.planning.events import Event, OnEvent
from planner.planning.pipeline import solve
from planner.planning.solve_run import GAPS, PLACES, Effort, Outcome, no_plan
from planner.scenario.schema import Scenario
from planner.solver.arrays import Floats
from planner.solver.branch_and_bound import Enough
from planner.solver.branching import PseudoCosts
from planner.solver.engine import PATTERN, PLACED, Engine
from planner.studies.concessions import WHATS, Asked, Concession, concessions, decided

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
    "change_low_musd",
    "change_high_musd",
    "plans_musd",
    "plans_low_musd",
    "plans_high_musd",
    "rounding_musd",
]
QUICK = "quick"
DIGITS = 6
"""Of MUSD: what lies below is noise of the solver."""
CLOSE = 0.5
"""Share of what a row is worth that its interval may be wide."""
PIVOTS_BY_ROW = 10
"""Pivots of a search, by rows of the model, after which its interval stays as it is: of Korea some 25 processor seconds."""
NOTHING_GAP = 0.1
"""Share of the gap within which a concession is worth nothing, where no better hosts and stacks were found."""


@dataclass(frozen=True)
class _Found:
    """What was found of a case: its outcome, the engine, and values of all its columns where anything was found."""

    outcome: Outcome
    engine: Engine | None = None
    values: Floats | None = None

    def ends(self, whole: bool) -> tuple[float, float] | None:
        """Cost and bound in MUSD: of whole plans, or of those with halls and servers in parts; None where there is none."""
        found = self.outcome
        if not whole:
            return None if found.places is None else (found.places.cost, found.places.bound)
        if found.plan is None or found.bound is None:
            return None
        return found.plan.kpi("cost_npv_musd"), found.bound


@dataclass
class _Table(Asked):
    """One table: its scenario with waits frozen, what it compares with, and what each solve is told."""

    quality: str
    on_event: OnEvent | None
    should_stop: Callable[[], bool] | None
    began: float = field(default_factory=time.perf_counter)
    base: _Found | None = None
    learned: PseudoCosts = field(default_factory=PseudoCosts)
    at: str = ""

    def say(self, words: str) -> None:
        if self.on_event is not None:
            self.on_event(Event("negotiate", words, round(time.perf_counter() - self.began, 2)))

    def first(self) -> Outcome:
        """The plan to compare with; what is searched beside it begins there."""
        self.say("the plan to compare with")
        case = self.case(self.scenario)
        engine = Engine(case)
        found = solve(
            case,
            self.quality,
            on_event=self.on_event,
            should_stop=self.should_stop,
            engine=engine,
            learned=self.learned,
        )
        self.base = _Found(found, engine, found.start_values)
        return found

    @property
    def whole(self) -> bool:
        """Whether rows ask for whole plans: where their quality does, or where nothing else is there to compare with."""
        return self.quality != QUICK or self.base is None or self.base.outcome.places is None

    def solve(
        self, words: str, case: Case, beside: _Found, sign: str = "", nothing: float = NOTHING_GAP
    ) -> _Found:
        """Least cost of a case, close enough to tell it from what stands beside it. ``sign``: an agreement to begin with."""
        self.say(f"{self.at}{words}")
        engine = Engine(case)
        effort = Effort() if self.whole else Effort(False, self.enough(beside, nothing))
        start, learned = self.start(engine, sign), self.learned if self.like_base(engine) else None
        found = solve(
            case, self.quality, "cost", self.on_event, self.should_stop, engine, start, effort, learned
        )
        return _Found(found, engine, found.start_values)

    def enough(self, beside: _Found, nothing: float) -> Enough | None:
        """Cost, pivots -> how far above its bound it may be.

        Such that the interval of the difference is at most ``CLOSE`` of it; a share ``nothing`` of the gap where it is no
        less than what stands beside it; any distance after the most pivots.
        """
        ends = beside.ends(whole=False)
        if ends is None:
            return None
        other, bound = ends
        least = nothing * (self.scenario.solve.gap or GAPS[self.quality]) * abs(other)

        assert beside.engine is not None
        most = PIVOTS_BY_ROW * beside.engine.smaller.shape[0]

        def allowed(cost: float, pivots: int) -> float:
            if pivots > most:
                return np.inf
            close = CLOSE * abs(other - cost) - (other - bound)
            return close if cost < bound else max(close, least)

        return allowed

    def like_base(self, engine: Engine) -> bool:
        """Whether the same hosts, stacks, signatures and places of runs are searched as in the plan to compare with."""
        assert self.base is not None and self.base.engine is not None
        one, other = engine.arrays.columns, self.base.engine.arrays.columns
        return all(one[family].index == other[family].index for family in (*PATTERN, PLACED))

    def start(self, engine: Engine, sign: str) -> Floats:
        """Values of all columns with the hosts, stacks and places of runs that are compared with, for a case like it."""
        assert self.base is not None and self.base.engine is not None and self.base.values is not None
        x = np.zeros(engine.arrays.shape[1])
        for family in (*PATTERN, PLACED):
            block = engine.arrays.columns[family]
            if block.size:
                known = self.base.engine.family(self.base.values, family)
                x[block.slice] = known.reindex(block.labels).fillna(0.0).to_numpy(float)
        block = engine.arrays.columns["sign"]
        own = [i for i, (e, _) in enumerate(block.index) if e == sign]
        if own and not x[block.start + np.array(own)].any():
            x[block.start + own[0]] = 1.0
        return x


def negotiation_table(
    scenario: Scenario,
    quality: str = QUICK,
    catalog: Catalog | None = None,
    on_event: OnEvent | None = None,
    should_stop: Callable[[], bool] | None = None,
    whats: tuple[str, ...] = WHATS,
) -> pd.DataFrame:
    """Rows (columns ``COLUMNS``), MUSD of present value; ``whats`` says which kinds.

    ``worth_musd`` is the difference of two least costs, ``low_musd`` to ``high_musd`` what it certainly lies in, infinite
    where nothing is possible without the concession; ``plans_musd`` and its interval are those of whole plans, NaN where
    none were made. ``price_musd`` is what the scenario asks for an agreement at the date at which it would be signed;
    ``change_musd`` what of it must go for the agreement to be the choice, with its interval. ``rounding_musd`` is what
    whole halls and servers add to the plan to compare with. ``status`` is ``found`` or why there is nothing.
    Raises ``NoPlan`` where the scenario itself has none.
    """
    table = _Table(scenario, catalog or scenario.catalog, quality, on_event, should_stop)
    base = table.first()
    plan = base.plan
    if plan is None:
        raise NoPlan(no_plan("the scenario has", base))
    assert table.base is not None
    table.scenario = scenario.model_copy(update={"limits": base.bounds.in_limits(scenario.limits)})
    asked = concessions(table, plan, whats)
    rounding = np.nan if base.places is None else plan.kpi("cost_npv_musd") - base.places.cost
    rows = []
    for number, concession in enumerate(asked, 1):
        table.at = f"{number} of {len(asked)}: "
        name, without = concession.agreement, table.base
        having = table.solve(_words(concession), concession.case(), without, name)
        if name in set(plan.tables["agreements"]["e"]):
            case = table.case(decided(table.scenario, "forbid", name))
            without = table.solve(f"{name} forbidden", case, having, nothing=0.0)
        row = _row(concession, without, having) | {"rounding_musd": rounding}
        if name and having.values is not None:
            row |= _price(table.base, name, having, row)
        rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)


def _words(concession: Concession) -> str:
    return (
        f"{concession.item} signed for nothing"
        if concession.agreement
        else f"{concession.what} {concession.item}"
    )


def _row(concession: Concession, without: _Found, having: _Found) -> dict[str, Any]:
    """What it is worth to have a thing: with halls and servers in parts, and in whole plans where they were made."""
    status = str(having.outcome.status)
    row: dict[str, Any] = {
        "what": concession.what, "item": concession.item, "unit": concession.unit,
        "status": "found" if status in (PLACES, "optimal", "feasible") else status, "told_apart": False,
    }  # fmt: skip
    plans = _difference(concession, without, having, whole=True)
    parts = _difference(concession, without, having, whole=False) or plans
    if plans is not None:
        row |= dict(zip(("plans_musd", "plans_low_musd", "plans_high_musd"), plans, strict=True))
    if parts is not None:
        worth, low, high = parts
        row |= {"worth_musd": worth, "low_musd": low, "high_musd": high, "told_apart": not low <= 0.0 <= high}
    return row


def _difference(
    concession: Concession, without: _Found, having: _Found, whole: bool
) -> tuple[float, float, float] | None:
    """Worth and its interval; nothing less than 0 where what is conceded may be left unused."""
    has, lacks = having.ends(whole), without.ends(whole)
    if has is None:
        return None
    if lacks is None:
        return (np.inf, np.inf, np.inf) if without.outcome.status == "infeasible" else None
    (cost, bound), (other, least) = has, lacks
    if concession.may_be_left:
        cost, bound = min(cost, other), min(bound, other)
        least = max(least, cost)
    worth, low, high = (
        round(v / concession.per, DIGITS) + 0.0 for v in (other - cost, least - cost, other - bound)
    )
    return worth, low, high


def _price(base: _Found, agreement: str, having: _Found, row: dict[str, Any]) -> dict[str, float]:
    """Present value of what the scenario asks for an agreement, at the date at which it would be signed for nothing, and
    what of that must go: all above its worth.
    """
    assert base.engine is not None and having.engine is not None and having.values is not None
    case = base.engine.case
    terms = next(a for a in case.scenario.agreements if a.id == agreement)
    signed = having.engine.family(having.values, "sign")
    t = next(int(t) for (e, t), value in signed.items() if e == agreement and value > 0.5)
    once, yearly = costs_of(Context.of(case.scenario, case.catalog), terms)
    end = int(case.terms.at[agreement, "end_t"])
    discount = case.periods["discount"].to_numpy(float)
    price = once * float(discount[t]) + yearly * float((case.calendar.years[t:end] * discount[t:end]).sum())
    change = {f"change_{end}musd": max(0.0, price - row[f"{worth}_musd"])
              for end, worth in (("", "worth"), ("low_", "high"), ("high_", "low")) if f"{worth}_musd" in row}  # fmt: skip
    return {"price_musd": price, **change}
