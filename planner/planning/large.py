"""Large cases: what costs there is a linear programme, so few are solved, and the relaxation says which.

 1. least delay, where every opening and adoption can only help: one linear programme with all of them;
 2. the root: the relaxation of least cost, solved once by an interior point; its value is the bound of the plan;
 3. hosts and stacks tried from the root, with only the offers that it buys from;
 4. whole halls at those hosts, rounded all at once, and by branch and bound where no rounding is good enough;
 5. whole units there.

``Engine.large`` says which cases these are. Where the plans from the root miss the gap, the search of smaller cases goes on
from them.
"""

from __future__ import annotations

import numpy as np

from planner.case.registry import ADOPTION, LEVEL, ONCE
from planner.planning.repair import whole_units
from planner.planning.solve_run import SolveRun
from planner.solver.alike import Mask
from planner.solver.arrays import Floats
from planner.solver.branch_and_bound import Search
from planner.solver.engine import PATTERN, UNITS, Engine
from planner.solver.helpful import held_helpful
from planner.solver.offers import FLEET, Offers
from planner.solver.rounding import rounded
from planner.solver.sift import likely, sift
from planner.solver.solution import Solution, Status
from planner.solver.trials import trials

GOOD_PLACES, GOOD_HALLS = 0.5, 0.8
"""Shares of the gap that hosts and stacks may use up, and halls after them; the rest is for whole units."""
TRIALS_SHARE = 0.25
"""Share of the time limit that trials may take while that is not reached, and the search for halls after them."""
HALLS_GAP = 0.05
"""Share of the gap at which the halls of some places are searched no further."""
SIFT_NONZEROS = 600_000
"""Non-zeros of the aggregated programme from which on its relaxation is solved on few offers and proven on the others."""
DELAY_GAP, SOONEST_GAP_MONTHS = 1e-3, 0.02
"""Gap, and weighted months, left open where the least delay is searched."""
CERTAIN = 1e-7
"""Taken off the value of an interior point, as a share of it: it is not exact."""


def soonest(run: SolveRun) -> Floats | None:
    """Values of least delay with every opening and adoption that can only help, and divisible halls.

    No optional agreement is signed in it, no stack is left, and no level is held that nothing asks for. What may both
    help and hurt is searched, with all else held. None where it has no solution: then everything is searched.
    """
    engine = run.engine
    arrays = engine.smaller
    values, held, upper = helpful(run)
    settled = all(held[arrays.columns[family].slice].all() for family in PATTERN)
    lower, upper = np.where(held, values, arrays.col_lower), np.where(held, values, upper)
    tree = engine.within(lower, upper, () if settled else PATTERN)
    tree.policy(engine.asked)
    tree.minimise("delay")
    if settled:
        found = run.timed("least delay", lambda: interior(run, tree, "least delay"))
    else:
        options = run.options("least delay", DELAY_GAP)
        found = run.timed("least delay", lambda: Search(tree, options, SOONEST_GAP_MONTHS).run())
        run.least_bound = found.bound
    return None if found.status is Status.INFEASIBLE else run.values(found)


def soonest_places(run: SolveRun) -> dict[str, Floats] | None:
    """Hosts and stacks of least delay by family, where no search is needed to know them; None elsewhere."""
    values, held, _ = helpful(run)
    at = {family: run.engine.smaller.columns[family].slice for family in PATTERN}
    return {f: values[own] for f, own in at.items()} if all(held[own].all() for own in at.values()) else None


def helpful(run: SolveRun) -> tuple[Floats, Mask, Floats]:
    """Values of openings, signatures, stacks and levels that can only help or only hurt to be soon, which columns of
    ``engine.smaller`` these are, and upper bounds of all.
    """
    engine = run.engine
    arrays = engine.smaller
    upper = arrays.col_upper.copy()
    if run.bounds.max_cost_musd is not None:
        upper[arrays.columns["cost"].slice] = run.bounds.max_cost_musd
    upper[arrays.columns["sign"].start + run.optional_signatures()] = 0.0
    values, held = held_helpful(arrays, upper, ONCE, (ADOPTION, LEVEL), "delay")
    if not (engine.asked.min_control_share or len(run.case.control_floors) or len(run.case.level_needs)):
        held[arrays.columns[LEVEL].slice] = True
    return values, held, upper


def interior(run: SolveRun, tree: Engine, stage: str) -> Solution:
    """A programme that is solved once, by an interior point without a basis; the tree is of no further use."""
    tree.live.set_option("solver", "ipm")
    tree.live.set_option("run_crossover", "off")
    return tree.whole(tree.live.solve_to(run.options(stage)))


def from_root(run: SolveRun) -> Floats | None:
    """Places and halls of a large case, held from then on; None, with a start for the search, where they miss the gap."""
    large = Large(run)
    found = large.places_and_halls()
    run.stopped |= found.stopped
    if found.x is None or (run.misses(found.objective) and not run.over):
        run.start = run.start if found.x is None else found.x
        return None
    run.large = large
    run.hold(found.x, *PATTERN, *run.engine.whole_halls)
    run.engine.integers()
    return found.x


class Large:
    """Plans of one run from the relaxation of its programme.

    ``lower`` and ``upper`` bound the columns of ``engine.smaller``: what is held so far.
    """

    def __init__(self, run: SolveRun) -> None:
        self.run, self.engine, self.offers = run, run.engine, Offers(run.engine.smaller)
        self.lower, self.upper = self.engine.smaller.col_lower.copy(), self.engine.smaller.col_upper.copy()

    def places_and_halls(self) -> Solution:
        """Whole hosts, stacks and halls of least cost; sets the bound of the run. No values where there is no plan."""
        found = self.places(self.root())
        if found.x is None:
            return found
        self.hold(found.x, *PATTERN)
        halls = self.halls()
        if halls.x is not None:
            self.hold(halls.x, *PATTERN, *self.engine.whole_halls)
        return halls

    def halls(self) -> Solution:
        """Whole halls at the places held: rounded, and searched from there where no rounding is good enough."""
        run = self.run
        run.say("halls", "whole halls at those hosts")
        tree, enough = self.tree(*PATTERN, *self.engine.whole_halls), self.at_most(GOOD_HALLS)
        found = run.timed("halls", lambda: rounded(tree, run.options("halls"), enough))
        run.report("halls", found.objective, run.bound, None)
        if found.stopped or (found.objective is not None and found.objective <= enough):
            return found
        share = TRIALS_SHARE * run.case.scenario.solve.time_limit_s
        options = run.options("halls", HALLS_GAP * run.target, most_s=share)
        start = found.x
        return run.timed("halls", lambda: Search(tree, options, good_enough=enough, start=start).run())

    def root(self) -> Floats:
        """Values of the relaxation of least cost; its value is the bound of the run."""
        run = self.run
        many = self.engine.smaller.matrix.nnz >= SIFT_NONZEROS
        values, bound = run.timed("hosts and stacks", self.sifted if many else self.relaxed)
        run.bound = run.relaxed_bound = bound - CERTAIN * abs(bound)
        run.say("hosts and stacks", f"no plan costs less than {run.bound:.6g} MUSD")
        return values

    def relaxed(self) -> tuple[Floats, float]:
        """The relaxation on all offers, and its value."""
        root = interior(self.run, self.tree(), "hosts and stacks")
        values = self.run.values(root)
        assert root.objective is not None
        return values, root.objective

    def sifted(self) -> tuple[Floats, float]:
        """The relaxation on the offers it needs, and its bound on all."""
        engine, options = self.engine, self.run.options("hosts and stacks")
        first = likely(engine.smaller, self.offers)
        found = sift(engine.programme("cost"), self.offers, first, options)
        return engine.widened(self.run.values(found.found)), found.bound

    def places(self, root: Floats) -> Solution:
        """Hosts and stacks tried from the root, with the offers it buys from."""
        run = self.run
        bought = self.offers.bought(self.engine.family(root, FLEET).to_numpy(float))
        self.upper = self.offers.upper(bought, self.upper)
        tree, bound = self.tree(*PATTERN), run.bound
        assert bound is not None
        most_s = TRIALS_SHARE * run.case.scenario.solve.time_limit_s
        options = run.options("hosts and stacks", 0.0, most_s=most_s)
        return run.timed(
            "hosts and stacks", lambda: trials(tree, root, options, bound, self.at_most(GOOD_PLACES))
        )

    def whole_units(self, x: Floats) -> Solution:
        """Whole servers and racks at the places and halls held; the values have all columns, and no duals."""
        run, tree = self.run, self.tree(*PATTERN, *self.engine.whole_halls, UNITS)
        return run.timed("units", lambda: whole_units(tree, x, 1e-3, run.left("units")))

    def with_all_offers(self) -> Engine:
        """The programme at the places and halls held, where any offer may be bought; the units after it too."""
        lower, upper = self.engine.smaller.col_lower.copy(), self.engine.smaller.col_upper.copy()
        for family in (*PATTERN, *self.engine.whole_halls):
            at = self.engine.smaller.columns[family].slice
            lower[at], upper[at] = self.lower[at], self.upper[at]
        self.lower, self.upper = lower, upper
        return self.tree()

    def at_most(self, share: float) -> float:
        """The cost that uses up a share of the gap."""
        assert self.run.bound is not None
        return self.run.bound + abs(self.run.bound) * share * self.run.target

    def hold(self, x: Floats, *families: str) -> None:
        for family in families:
            at = self.engine.smaller.columns[family].slice
            self.lower[at] = self.upper[at] = self.engine.family(x, family).to_numpy(float).round()

    def tree(self, *kept: str) -> Engine:
        """The programme of least cost within what is held, under the bounds in force."""
        tree = self.engine.within(self.lower, self.upper, kept or PATTERN)
        tree.policy(self.engine.asked)
        tree.minimise("cost")
        return tree
