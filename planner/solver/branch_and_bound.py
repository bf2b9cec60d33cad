"""Hosts and stacks, and whole halls, by branch and bound on one live linear programme.

    tree = engine.searchable()
    tree.policy(Bounds(max_delay_months_by_workload=caps))
    tree.minimise("cost")
    found = Search(tree, SolveOptions(gap=0.001, time_limit_s=600)).run()

Which host opens when and which stack is adopted are a few dozen binaries before thousands of continuous columns.
A general solver spends its time on cuts and strong branching there; here a node costs a few hundred pivots of
the dual simplex, on the reduced programme. It goes on from the basis of the node before, wherever that was: nodes differ
in bounds alone, so that every basis is dual feasible, and a basis put in anew costs its weights, as much as a thousand
pivots. The candidates are questions of the problem: is a stack adopted, is a host opened at all, is it opened by a date,
is there one hall more; pseudo-costs choose among them. The first answer tried is the nearer one, so that each dive
rounds, and where it leads nowhere the other is tried at once, from a basis nearby; after a dive the open node of least
bound is next. A local search tries a new best plan with one host or stack
less, one host earlier or later, or one training run elsewhere, as long as that helps; and where a search for halls goes
on, what one host has is searched anew with all others held, host by host. Only time limits make two searches
differ.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from dataclasses import replace

import highspy
import numpy as np

from planner.solver.arrays import Floats
from planner.solver.branching import TRACE, Candidate, Node, PseudoCosts, Searched
from planner.solver.engine import Engine
from planner.solver.members import Ints
from planner.solver.progress import Progress, SolveOptions
from planner.solver.rounding import made_whole, roundings, runs_placed
from planner.solver.solution import Solution, Status, relative_gap

STALL_AT_PIVOTS_BY_ROW = 1.0
"""A node that takes more pivots (mostly: it is infeasible) is left to the interior point. Not seconds: a busy machine would
take another path through the tree."""
STALL_AT_COLD_SOLVES, LEAST_STALL_S = 2.0, 2.0
"""Of a large case, whose pivots take the longer the larger it is: so many cold solves, and no fewer seconds."""
NOISE = 1e-9
"""Share of the objective that two solves of one linear programme may differ by."""
REPORT_EVERY_S = 0.25
ROUNDED_AFTER = 400
"""Nodes after which a search for halls alone tries roundings of its root: where a limit binds that every hall counts for, a
rounding may be better than all that thousands of nodes find.
"""
TURNED_AFTER = 150
"""Nodes after which the best plan of a search for halls and units of plant is bettered host by host: a tree finds what is
best at one host long before it does for all. Not that of halls alone: where a budget binds, cheaper ones leave no room for
servers.
"""
TURN_NODES, TURN_GAP, TURN_LONGER = 50, 0.004, 3
"""Nodes and gap of what one host has at first. Where no host has gained, so many times the nodes and half the gap, as often
less once.
"""
Enough = Callable[[float, int], float]
"""Objective of the best plan, pivots so far -> how far above the bound it may be."""


class Search:
    """Least value of the tree's objective with all that is searched whole, to a relative or an absolute gap.

    ``tree`` is an engine made by ``searchable``, with policy and objective set. ``start`` holds values of all
    columns; its hosts and stacks are the first tried. ``late`` is (seconds, gap): past those seconds that gap will
    do. A plan whose objective is at most ``good_enough`` ends the search, and ``hopeless`` is (bound, gap): with a bound
    above that, that gap will do. With ``rounding`` the first plans tried are roundings of the relaxation, and ``start`` only
    where hosts and stacks are searched and their rounding has no plan. ``enough`` says
    how far above the bound a plan of some objective may be after so many pivots, where that is more than both gaps.
    ``learned`` holds what searches of trees with the same questions have learned, and is added to. A ``lasting`` one keeps
    its nodes, to be gone on with to a smaller gap. It ends after ``most_nodes``. The solution of ``run`` has values of all
    columns and no duals.
    """

    def __init__(
        self,
        tree: Engine,
        options: SolveOptions,
        absolute_gap: float = 1e-6,
        late: tuple[float, float] | None = None,
        good_enough: float = -np.inf,
        start: Floats | None = None,
        rounding: bool = False,
        enough: Enough | None = None,
        learned: PseudoCosts | None = None,
        hopeless: tuple[float, float] | None = None,
        lasting: bool = False,
        most_nodes: float = np.inf,
    ) -> None:
        self.tree, self.live, self.rounding, self.lasting = tree, tree.live, rounding, lasting
        self.absolute, self.good_enough, self.start = absolute_gap, good_enough, start
        self.hopeless = hopeless or (np.inf, 0.0)
        self.ask(options, late, most_nodes)
        self.allowed = enough or (lambda *_: 0.0)
        self.searched, self.pseudo_costs = Searched(tree), PseudoCosts() if learned is None else learned
        self.numbered = 0
        self.root = self.node(-np.inf, self.searched.low, self.searched.high)
        self.best: Solution | None = None
        self.relaxed: Floats | None = None
        """Values of the root, where halls alone are searched and roundings of it are still to be tried."""
        self.turned = self.opens or not self.searched.plant
        """Whether the best plan has been bettered host by host, or never is to be."""
        self.tried: set[bytes] = set()
        self.open: list[Node] = []
        self.beside: Node | None = None
        """Of the open nodes, the other answer to the last question; None among halls once there is a plan: no node is far
        from another there, but where a limit just suffices few of the nodes of least bound have a plan below them.
        """
        self.cut_at = np.inf
        self.aside: list[Node] = []
        """Nodes that need not be looked into for the gap asked; the least bound first."""
        self.undecided = np.inf
        """Least bound of nodes that were not looked into and are not kept."""
        self.nodes = self.iterations = 0
        self.cold_s = 0.0
        self.stopped = False
        self.lowest = -np.inf
        self.reported = -np.inf

    # ---- the search

    def ask(
        self, options: SolveOptions, late: tuple[float, float] | None = None, most_nodes: float = np.inf
    ) -> None:
        """How far to search, from now on; ``most_nodes`` counts those of before."""
        self.most_nodes = most_nodes
        self.gap, self.on_progress, self.should_stop = options.gap, options.on_progress, options.should_stop
        self.began = time.perf_counter()
        self.end = self.began + (np.inf if options.time_limit_s is None else options.time_limit_s)
        self.patience = late or (np.inf, options.gap)

    def run(self) -> Solution:
        """From the root."""
        return self.locked(self.explore)

    def go_on(self, options: SolveOptions, more_nodes: float = np.inf) -> Solution:
        """To a smaller gap, from where the search ended; policy and objective of the tree are as they were."""
        self.ask(options, most_nodes=self.nodes + more_nodes)
        self.stopped = False
        self.open, self.aside = [*self.open, *self.aside], []
        heapq.heapify(self.open)
        return self.locked(lambda: self.descend(None))

    def locked(self, work: Callable[[], Status]) -> Solution:
        # factors grown over hundreds of pivots cost more than new ones
        self.live.set_option("no_unnecessary_rebuild_refactor", False)
        with self.live.lock, self.live.unperturbed():
            try:
                verdict = work()
            finally:
                self.live.set_option("objective_bound", np.inf)
                self.hold(self.root)
        return self.outcome(verdict)

    def explore(self) -> Status:
        found = self.solve(self.root, cold=True)
        if found.x is None:
            return found.status
        self.lowest = -np.inf if found.objective is None else found.objective
        following = self.follow(self.root, found)
        self.relaxed = None if self.opens else found.x
        if self.rounding and not self.opens:
            self.try_roundings()
        elif (self.rounding and self.try_opening(found.x)) or (
            self.start is not None and self.try_plan(self.start)
        ):
            self.local_search()
        return self.descend(following)

    def descend(self, following: Node | None) -> Status:
        """The open nodes, until none is left that is of use."""
        while following is not None or self.open:
            node = following or self.next_open()
            following = None
            if node.bound >= self.cutoff():
                self.set_aside(node, node.bound)
                continue
            self.lowest = self.bound(node.bound)
            self.report()
            if self.stopped or self.late() or self.enough():
                heapq.heappush(self.open, node)
                break
            if self.relaxed is not None and self.nodes >= ROUNDED_AFTER:
                self.try_roundings(best=True)
            if self.best is not None and not self.turned and self.nodes >= TURNED_AFTER:
                self.in_turn()
                following = node
                continue
            found = self.solve(node)
            if found.x is not None:
                following = self.follow(node, found)
            elif found.status is not Status.INFEASIBLE:
                if self.cut():
                    self.set_aside(node, max(node.bound, self.cut_at))
                elif self.stopped or self.late():
                    heapq.heappush(self.open, node)
                    break
                else:  # its parent's bound holds
                    self.set_aside(node, node.bound)
        undecided = bool(self.open or self.aside) or np.isfinite(self.undecided)
        return Status.NO_SOLUTION if self.stopped or undecided else Status.INFEASIBLE

    def follow(self, node: Node, found: Solution) -> Node | None:
        """What a solved node leads to: a better plan, nothing, or two nodes, of which the nearer is returned."""
        assert found.x is not None and found.objective is not None
        self.pseudo_costs.learn(node, found.objective)
        if found.objective >= self.cutoff():
            self.set_aside(node, found.objective)
            return None
        candidates = self.searched.candidates(found.x[self.searched.full])
        if not candidates:
            self.keep(found)
            self.local_search()
            self.beside = None
            return None
        asked = max(candidates, key=self.pseudo_costs.score)
        yes, no = (self.child(node, asked, answer, found.objective) for answer in (True, False))
        nearer, other = (yes, no) if asked.share >= 0.5 else (no, yes)
        heapq.heappush(self.open, other)
        self.beside = None if self.searched.totals.nnz and self.best is not None else other
        return nearer

    def next_open(self) -> Node:
        """After a dead end, the other answer to its question, whose basis is near; else the open node of least bound."""
        if self.beside is None:
            return heapq.heappop(self.open)
        node, self.beside = self.beside, None
        self.open.remove(node)
        heapq.heapify(self.open)
        return node

    def set_aside(self, node: Node, bound: float) -> None:
        """A node that need not be looked into for the gap asked."""
        if self.lasting:
            heapq.heappush(self.aside, replace(node, bound=bound, asked=None))
        else:
            self.undecided = min(self.undecided, bound)

    def try_plan(self, x: Floats) -> bool:
        """What is searched as in ``x``, values of all columns; whether that is the best plan so far."""
        values = np.clip(np.round(x[self.searched.full]), self.root.low, self.root.high)
        self.tried.add(values.tobytes())
        found = self.solve(self.node(-np.inf, values, values))
        return found.x is not None and self.keep(found)

    @property
    def opens(self) -> bool:
        """Whether hosts, signatures, stacks or levels are searched."""
        own = slice(0, self.searched.levels.stop)
        return bool((self.root.low[own] < self.root.high[own]).any())

    def try_opening(self, x: Floats) -> bool:
        """All hosts and stacks of which a relaxation has a trace, then each run where most of it is done, and units that may
        be lost wherever there is a part of one; whether that is a plan.
        """
        share = x[self.searched.full]
        things = [h for h, dates in enumerate(self.searched.dates) if share[dates].sum() > TRACE]
        places, own = self.searched.opening(share, things), slice(0, self.searched.levels.stop)
        low, high = self.root.low.copy(), self.root.high.copy()
        low[own] = high[own] = places[own]
        found = self.solve(self.node(-np.inf, low, high))
        if found.x is None:
            return False
        values = runs_placed(self.tree, found.x)
        values[self.searched.full[self.searched.spare]] = np.nan
        self.try_rounding(values)
        return self.best is not None

    def try_roundings(self, best: bool = False) -> None:
        """Roundings of the root, until one is good enough or all of them for the best."""
        assert self.relaxed is not None
        for values in roundings(self.tree, self.relaxed):
            if self.lowest >= self.cutoff() or (self.enough() and not best):
                break
            self.try_rounding(values)
        self.relaxed = None

    def try_rounding(self, x: Floats) -> None:
        """A rounding; what it does not know is made whole once the rest is held."""
        own = x[self.searched.full]
        if own.tobytes() in self.tried:
            return
        unknown = np.isnan(own)
        if not unknown.any():
            self.try_plan(x)
            return
        self.tried.add(own.tobytes())
        known = np.clip(own, self.root.low, self.root.high)
        low, high = (np.where(unknown, bound, known) for bound in (self.root.low, self.root.high))
        found = self.solve(self.node(-np.inf, low, high))
        if found.x is not None:
            any(self.try_plan(values) for values in made_whole(self.tree, found.x))

    def keep(self, found: Solution) -> bool:
        """Take a plan if it is the best so far."""
        if self.best is not None and (found.objective or 0.0) >= (self.best.objective or 0.0):
            return False
        self.best = found
        return True

    def local_search(self) -> None:
        """Plans one step from the best one, as long as one of them is better."""
        better = True
        while better:
            better = False
            assert self.best is not None and self.best.x is not None
            for values in self.searched.neighbours(np.round(self.best.x[self.searched.full])):
                if values.tobytes() in self.tried:
                    continue
                if self.late() or self.stopped or self.closed():
                    return
                self.tried.add(values.tobytes())
                self.report()
                found = self.solve(self.node(-np.inf, values, values))
                if found.x is not None and self.keep(found):
                    better = True
                    break

    def in_turn(self) -> None:
        """The best plan bettered host by host: all that one host has is searched anew, with all others held."""
        self.turned = True
        nodes, gap, rounds = TURN_NODES, TURN_GAP, 0
        while rounds < TURN_LONGER:
            before = self.best
            for own in self.searched.hosts:
                if self.stopped or self.late() or self.enough() or self.lowest >= self.cutoff():
                    return
                self.turn(own, nodes, gap)
                self.report()
            if self.best is before:
                nodes, gap, rounds = TURN_LONGER * nodes, gap / 2, rounds + 1

    def turn(self, own: Ints, nodes: int, gap: float) -> None:
        """What is searched in some columns, with all others as in the best plan, which is kept where no other is better."""
        assert self.best is not None and self.best.x is not None
        low, high = self.root.low, self.root.high
        values = np.clip(np.round(self.best.x[self.searched.full]), low, high)
        free = np.zeros(len(values), bool)
        free[own] = True
        options = SolveOptions(gap, max(0.1, self.end - time.perf_counter()), None, self.should_stop)
        part = Search(
            self.tree, options, self.absolute, good_enough=self.good_enough, learned=self.pseudo_costs
        )
        part.root = part.node(-np.inf, np.where(free, low, values), np.where(free, high, values))
        part.most_nodes, part.best, part.turned, part.cold_s = nodes, self.best, True, self.cold_s
        found = part.solve(part.root)
        if found.objective is not None:
            part.lowest = found.objective
            part.descend(part.follow(part.root, found))
        self.best = part.best
        self.nodes, self.iterations = self.nodes + part.nodes, self.iterations + part.iterations
        self.stopped |= part.stopped

    def child(self, node: Node, asked: Candidate, yes: bool, bound: float) -> Node:
        """The node with one candidate answered."""
        self.numbered += 1
        return Node(bound, self.numbered, *self.searched.answered(node, asked, yes), asked, yes)

    def node(self, bound: float, low: Floats, high: Floats) -> Node:
        """A node that asks nothing of sums."""
        self.numbered += 1
        return Node(bound, self.numbered, low, high, self.searched.least, self.searched.most)

    # ---- linear programmes

    def hold(self, node: Node) -> None:
        self.live.set_col_bounds(self.searched.own, node.low, node.high)
        self.live.set_row_bounds(self.searched.sums, node.least, node.most)

    def solve(self, node: Node, cold: bool = False) -> Solution:
        """The linear programme of a node; without values where it cannot beat the best plan."""
        self.hold(node)
        self.nodes += 1
        left = max(0.1, self.end - time.perf_counter())
        if not cold:
            self.cut_at = self.cutoff()
            self.live.set_option("objective_bound", self.cut_at)
            found = self.hot(left)
            if found.status is not Status.NO_SOLUTION or self.cut() or self.stopped:
                return found
        before = self.live.basis()
        self.live.clear()
        self.live.set_option("objective_bound", np.inf)
        found = self.cold(left)
        self.cold_s = max(self.cold_s, found.seconds)
        if found.x is None and before.valid:
            self.live.set_basis(before)
        return found

    def hot(self, time_limit_s: float) -> Solution:
        """From the basis of the node before, until it stalls."""
        if self.tree.large:
            return self.watched(min(time_limit_s, max(LEAST_STALL_S, STALL_AT_COLD_SOLVES * self.cold_s)))
        with self.live.at_most(self.tree.stall_pivots(STALL_AT_PIVOTS_BY_ROW)):
            return self.watched(time_limit_s)

    def cold(self, time_limit_s: float) -> Solution:
        """Without a basis: from the slacks where these are dual feasible and near, else by an interior point."""
        if self.tree.from_slacks:
            with self.live.at_most(self.live.arrays.shape[0]):
                found = self.watched(time_limit_s)
            if found.status is not Status.NO_SOLUTION or self.stopped:
                return found
            self.live.clear()
        self.live.set_option("solver", "ipm")
        try:
            return self.watched(time_limit_s)
        finally:
            self.live.set_option("solver", "choose")

    def watched(self, time_limit_s: float) -> Solution:
        found = self.tree.whole(self.live.solve(time_limit_s=time_limit_s, should_stop=self.should_stop))
        self.iterations += found.iterations
        self.stopped |= found.stopped
        return found

    def cut(self) -> bool:
        """Whether the last linear programme ended because it cannot beat the best plan."""
        return bool(self.live.highs.getModelStatus() == highspy.HighsModelStatus.kObjectiveBound)

    def cutoff(self) -> float:
        """What a node must stay below to be of use."""
        if self.best is None or self.best.objective is None:
            return np.inf
        return self.best.objective - self.slack(self.best.objective)

    def slack(self, objective: float) -> float:
        """How far above the bound a plan may be."""
        seconds, late_gap = self.patience
        gap = late_gap if time.perf_counter() - self.began > seconds else self.gap
        return max(self.absolute, gap * abs(objective), self.allowed(objective, self.iterations))

    # ---- what is known

    def enough(self) -> bool:
        if self.best is None:
            return False
        objective = self.best.objective or 0.0
        if objective <= self.good_enough:
            return True
        bound, gap = self.hopeless
        return self.lowest > bound and objective - self.lowest <= gap * abs(objective)

    def closed(self) -> bool:
        """Whether the best plan stands at the bound: no other is better."""
        if self.best is None or self.best.objective is None:
            return False
        return self.best.objective - self.lowest <= NOISE * abs(self.best.objective)

    def late(self) -> bool:
        return time.perf_counter() > self.end or self.nodes >= self.most_nodes

    def bound(self, *more: float) -> float:
        incumbent = np.inf if self.best is None or self.best.objective is None else self.best.objective
        nodes = (*self.open[:1], *self.aside[:1])
        return min(incumbent, self.undecided, *(node.bound for node in nodes), *more)

    def report(self) -> None:
        now = time.perf_counter()
        if self.on_progress is None or now - self.reported < REPORT_EVERY_S:
            return
        self.reported = now
        bound, objective = self.lowest, None if self.best is None else self.best.objective
        gap = None if objective is None else relative_gap(objective, bound)
        seconds = now - self.began
        self.on_progress(Progress(seconds, objective, bound, gap, self.nodes, self.iterations))

    def outcome(self, verdict: Status) -> Solution:
        seconds, bound = time.perf_counter() - self.began, self.bound()
        known = bound if np.isfinite(bound) else None
        counts = (seconds, self.nodes, self.iterations, self.stopped)
        if self.best is None or self.best.objective is None:
            return Solution(verdict, None, known, None, None, None, None, *counts)
        objective = self.best.objective
        proven = objective - bound <= self.slack(objective) * (1 + 1e-9)
        status = Status.OPTIMAL if proven else Status.FEASIBLE
        return Solution(
            status, objective, bound, relative_gap(objective, bound), self.best.x, None, None, *counts
        )
