"""The least change: few values, whole places and units, and a test that 95 % of it is not enough.

    found = least_change(Elastic(case))   # None where the case has a plan as it stands

1. The linear relaxation with every value free; then values are dropped, the least used first, while the others
   can cure the case without giving much more: a planner would rather change one value than four.
2. Whole hosts, stacks and halls by branch and bound, then whole servers and racks, with only those values free. The bound
   of the first is proven; it is on the same sum of changes.
3. The values are written into the true rows and trimmed there, and a little headroom is added.
4. Where only the floor on control and limits on waiting give, 2 and 3 are done for values ``BEYOND`` what the relaxation
   reaches: gaps and headroom are shares of the change, and what can be kept is so the same whatever was asked for. Where
   both give, 2 is done once more for the floor beside the months found.
5. 95 % of every change at once must fail: by the bound where it says so, else by solving the true model under
   that share. Where that has a plan, the plan's smaller change is the answer, and is tested again.

Effort is counted in nodes and pivots, so that a busy machine gives the same answer; the time limit is a last resort.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from planner.explain.elastic import NEGLIGIBLE, PLACES, Change, Elastic, NoCure
from planner.explain.relaxations import POINT_DECIMALS, Relaxation, rounded
from planner.intake.scenario_file import with_overrides
from planner.planning.solve_run import counted_pivots
from planner.solver.arrays import Floats
from planner.solver.branch_and_bound import Search
from planner.solver.engine import PATTERN, UNITS, Engine
from planner.solver.highs import NO_LIMIT, LiveHighs
from planner.solver.progress import Progress, SolveOptions
from planner.solver.solution import Solution, Status

FEWER = 1.5
"""The sum of relative changes may grow by this factor for one value less."""
MONTHS_FOR_FEWER = 12
"""A must-serve date that moves anyway may move so much further for one value less."""
MARGINS = (0.0, 1e-3, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Shares of the change that are added until the true model, whole units included, is feasible."""
ROUGH_MARGINS = (3.0, 10.0, 30.0, 100.0)
"""The same of changes whose columns only approximate their rows: they are bisected down again."""
HEADROOM = 0.02
"""Share of the change that is added at last, so that plans with other integers than those found fit too."""
TRIM = 0.005
"""Share of a change to which it is bisected."""
TESTED = 0.95
ROUNDING = 1e-3
"""Values are written with four digits of their change: the share tested in the true model is larger by this."""
MIP_GAP = 0.01
NODES = 100
"""Of one integer programme: what it has not found or proven by then takes minutes."""
BEYOND = {"control": 1.0, "delay": 1.0}
"""Points of control above, and months of waiting below, what the relaxation reaches from which their least change is
sought.
"""
NEAR = 0.02
"""Gap of whole hosts, stacks and halls: the bound then mostly forbids 95 % of the change, headroom and units included."""
PLACES_NODES, HALLS_NODES = 1000, 200
"""Of one search for places, halls held to none or searched too, and of one for halls alone: nodes of ``Search``, which take
about a hundred pivots each.
"""
QUICK_PIVOTS = 50_000
"""Of one linear programme that only betters an answer."""
MOST_PIVOTS = 150_000
"""Of all programmes, as far as they count: an answer in hand is then bettered and tested no more."""
LAST_RESORT_S = 600.0
"""Seconds by the clock after which the search ends whatever it has."""

Say = Callable[..., None]


@dataclass(frozen=True)
class Found:
    """The least change: values that give, must-serve dates that move, and what is proven of it.

    ``delays``: workload -> new first period (the horizon's length means never). ``verified``: the changed true
    model has a plan with whole hosts, halls and units. ``least``: True where 95 % of every change is proven to
    leave no plan, False where that was not decided. ``bound`` <= the least sum of relative changes of
    these values <= ``total``.
    """

    changes: list[Change]
    delays: dict[str, int]
    total: float
    bound: float
    verified: bool
    least: bool
    relaxed_total: float
    seconds: float
    x: Floats = field(repr=False)


def least_change(
    elastic: Elastic, time_limit_s: float = LAST_RESORT_S, say: Say | None = None
) -> Found | None:
    """The cheapest change, integers included; None where none is needed. NoCure where no value helps."""
    return _Search(elastic, time_limit_s, say or (lambda *_, **__: None)).run()


class _Search:
    def __init__(self, elastic: Elastic, seconds: float, say: Say) -> None:
        self.elastic, self.live, self.say = elastic, elastic.live, say
        self.began, self.seconds, self.pivots = time.perf_counter(), seconds, 0.0
        self.whole = elastic.case.scenario.solve.integers != "none" and len(elastic.integer) > 0

    def left(self) -> float:
        return max(2.0, self.seconds - (time.perf_counter() - self.began))

    @property
    def spent(self) -> bool:
        """Whether so much has gone by that an answer in hand is left as it is."""
        return self.pivots > MOST_PIVOTS

    def count(self, found: Solution) -> Solution:
        self.pivots += counted_pivots(found.iterations, int(self.elastic.arrays.matrix.nnz))
        return found

    def linear(self, live: LiveHighs, most: int = QUICK_PIVOTS) -> Solution:
        """A linear programme; without values where it takes more pivots."""
        with live.at_most(most):
            return self.count(live.solve(time_limit_s=self.left()))

    def integer(
        self,
        live: LiveHighs,
        gap: float | None = MIP_GAP,
        start: Floats | None = None,
        enough: float | None = None,
    ) -> Solution:
        """An integer programme, or what it has found after ``NODES``; any value up to ``enough`` will do."""
        with live.at_most_nodes(NODES):
            return self.count(
                live.solve(
                    gap=gap,
                    time_limit_s=self.left(),
                    start=start,
                    on_progress=self.progress,
                    good_enough=enough,
                )
            )

    def run(self, as_stated: bool = False) -> Found | None:
        self.live.relax()
        self.say("which limits give in the linear relaxation")
        relaxed = self.linear(self.live, NO_LIMIT)
        if relaxed.x is None or relaxed.objective is None:
            raise NoCure(relaxed.status)
        best, bound = relaxed, relaxed.objective
        if bound > NEGLIGIBLE:
            self.say("the fewest values that cure it")
            best = self.fewest(relaxed)
            bound = best.objective or 0.0
            again = None if as_stated else self.from_reach(best)
            if again is not None:
                return again
        if self.whole:
            best, bound = self.whole_plan(best)
            best = self.floors_alone(best) if as_stated else best
        assert best.x is not None and best.objective is not None
        if best.objective <= NEGLIGIBLE:
            return None
        changes, delays = self.elastic.read(best.x)
        self.say("the changed values in the true model")
        changes, verified = self.verified(changes, delays, best.x)
        least, x = False, best.x
        if verified:
            self.say("whether 95 % of the change is enough")
            changes, delays, least, x = self.tested(changes, delays, bound, best.x)
        seconds = time.perf_counter() - self.began
        return Found(changes, delays, best.objective, bound, verified, least, relaxed.objective, seconds, x)

    # ---- few values

    def fewest(self, relaxed: Solution) -> Solution:
        """The relaxation with values dropped one by one, the least used first, while others can take over."""
        assert relaxed.x is not None
        elastic, best = self.elastic, relaxed
        worth = elastic.worth(relaxed.x)
        used = [int(i) for i in np.argsort(worth) if worth[i] > NEGLIGIBLE]
        kept = set(used)
        for number in used:
            if self.spent:
                break
            if number not in kept or (len(kept) == 1 and not elastic.delays(relaxed.x)):
                continue
            elastic.allow(kept - {number})
            found = self.linear(self.live)
            if found.x is not None and self.acceptable(found.x, relaxed.x):
                kept, best = kept - {number}, found
                kept &= {int(i) for i in np.flatnonzero(elastic.worth(found.x) > NEGLIGIBLE)}
        assert best.x is not None
        elastic.allow(kept, elastic.delays(best.x))
        return best

    def acceptable(self, x: Floats, before: Floats) -> bool:
        """Whether fewer values may do: not much more of them, and no date moved that need not move."""
        elastic = self.elastic
        old, new = elastic.delays(before), elastic.delays(x)
        calendar = elastic.case.calendar
        steps = MONTHS_FOR_FEWER // calendar.step_months
        last = calendar.n
        dates = all(
            w in old
            and calendar.step_of(t) <= calendar.step_of(old[w]) + steps
            and (t < last or old[w] >= last)
            for w, t in new.items()
        )
        return dates and elastic.worth(x).sum() <= FEWER * elastic.worth(before).sum() + NEGLIGIBLE

    # ---- limits on control and waiting alone

    def from_reach(self, relaxed: Solution) -> Found | None:
        """The answer where only limits on control and waiting give: as from values ``BEYOND`` what the relaxation reaches.

        None where other values or dates give too.
        """
        elastic = self.elastic
        assert relaxed.x is not None
        changes, delays = elastic.read(relaxed.x)
        if delays or not {h.kind for h, _ in changes} <= BEYOND.keys():
            return None
        reached = self.reached(changes)
        if reached is None:
            return None
        asked = {h.path: out_of_reach(h, reached[h.path]) for h, _ in changes}
        scenario = with_overrides(elastic.case.scenario, asked, catalog=elastic.case.catalog)
        closer = Elastic(replace(elastic.case, scenario=scenario), tiers=elastic.tiers)
        found = _Search(closer, self.left(), self.say).run(as_stated=True)
        if found is None:
            return None
        elastic.allow(None)
        stated, given = {h.path: h for h in elastic.relaxations}, {h.path: v for h, v in found.changes}
        own = []
        for path in dict.fromkeys((*asked, *given)):
            h = stated[path]
            change = given.get(path, 0.0) + h.direction * (asked.get(path, h.value) - h.value)
            own += [(h, change)] if change > 0 else []
        further = all((asked[path] - stated[path].value) * stated[path].direction >= 0 for path in asked)
        least = (found.least and further) or self.none_even_divisible(own, found.delays)
        return replace(found, changes=own, least=least)

    def reached(self, changes: list[Change]) -> dict[str, float] | None:
        """Path -> value that the relaxation reaches: of control the most where waiting gives no more than it must."""
        elastic = self.elastic
        values = {h.path: h.value + h.direction * v for h, v in changes}
        floors = [h for h, _ in changes if h.kind == "control"]
        if not floors:
            return values
        self.say("the most control of the linear relaxation")
        for h, v in changes:
            if h.kind != "control":
                at = np.array([elastic.width + elastic.relaxations.index(h)])
                self.live.set_col_bounds(at, 0.0, v * (1 + ROUNDING))
        tree = Engine.of_arrays(elastic.case, self.live.bounded()).searchable(spare=True)
        most = self.count(tree.most_control())
        elastic.allow({elastic.relaxations.index(h) for h, _ in changes}, ())
        if most.status is not Status.OPTIMAL or most.x is None:
            return None
        return values | {h.path: tree.control(most.x) for h in floors}

    def floors_alone(self, found: Solution) -> Solution:
        """The same waits with the least that floors on control give: else they share the gap of the sum with the months."""
        elastic = self.elastic
        assert found.x is not None and found.objective is not None
        given = np.flatnonzero(elastic.worth(found.x) > NEGLIGIBLE)
        waits = np.array([i for i in given if elastic.relaxations[i].kind == "delay"], dtype=int)
        if len(waits) in (0, len(given)) or self.spent:
            return found
        elastic.allow(set(given.tolist()) - set(waits.tolist()), ())
        at = elastic.width + waits
        self.live.set_col_bounds(at, found.x[at], found.x[at])
        again, _ = self.places_and_units(found)
        elastic.allow(None)
        better = again is not None and again.objective is not None and again.objective < found.objective
        return again if better and again is not None else found

    def none_even_divisible(self, changes: list[Change], delays: Mapping[str, int]) -> bool:
        """Whether 95 % of the changes leaves no plan even in parts of halls and servers."""
        fewer, sooner = self.smaller(changes, delays)
        return self.linear(self.elastic.true_model(fewer, sooner), NO_LIMIT).status is Status.INFEASIBLE

    # ---- whole places and units

    def whole_plan(self, relaxed: Solution) -> tuple[Solution, float]:
        """Whole hosts, stacks and halls, then whole units; with all values free if those chosen do not do."""
        found, bound = self.places_and_units(relaxed)
        if found is None and self.elastic.restricted:  # whole places need other values or dates to give too
            self.elastic.allow(None)
            found, bound = self.places_and_units(relaxed)
        if found is not None and not self.elastic.restricted:
            found = self.without_crumbs(found)
        self.elastic.allow(None)
        return (relaxed, bound) if found is None else (found, bound)

    def places_and_units(self, relaxed: Solution) -> tuple[Solution | None, float]:
        live, elastic = self.live, self.elastic
        self.say("whole hosts, stacks and halls")
        places, bound = self.places()
        bound = max(relaxed.objective or 0.0, bound)
        if places is None or places.x is None:
            return None, bound
        self.say("whole servers and racks")
        for family in PLACES:
            elastic.hold(family, places.x)
            live.set_integrality(family, True)
        live.set_integrality(UNITS, True)
        enough = (places.objective or 0.0) * 1.02 + NEGLIGIBLE
        whole = self.integer(live, enough=enough)
        for family in PLACES:
            elastic.hold(family, None)
        if whole.objective is None or (whole.objective > enough and not self.spent):  # then other places too
            wider = self.integer(live, start=whole.x, enough=enough)
            whole = whole if wider.x is None else wider
        live.relax()
        return (places if whole.x is None else whole), bound

    def places(self) -> tuple[Solution | None, float]:
        """Hosts and stacks, then whole halls at these, then all of them where that is not near; and their bound."""
        engine = Engine.of_arrays(self.elastic.case, self.live.bounded())
        opened = self.search(engine.searchable(spare=True), MIP_GAP)
        bound = -np.inf if opened.bound is None else opened.bound
        if opened.x is None:
            return None, bound
        at = {family: engine.family(opened.x, family).round().to_numpy(float) for family in PATTERN}
        best = self.search(engine.searchable(at), MIP_GAP, HALLS_NODES, enough=bound / (1.0 - NEAR))
        if not near(best, bound):
            both = self.search(engine.searchable({}), NEAR, start=best.x)
            bound = max(bound, -np.inf if both.bound is None else both.bound)
            best = both if both.x is not None else best
        return best, bound

    def search(
        self,
        tree: Engine,
        gap: float,
        nodes: int = PLACES_NODES,
        start: Floats | None = None,
        enough: float = -np.inf,
    ) -> Solution:
        """The least sum of changes with what the tree searches whole, or what is found after so many nodes."""
        tree.minimise_sum(self.elastic.weights)
        options = SolveOptions(gap, self.left(), self.progress)
        return self.count(
            Search(
                tree,
                options,
                NEGLIGIBLE,
                good_enough=enough,
                start=start,
                rounding=start is None,
                most_nodes=nodes,
            ).run()
        )

    def without_crumbs(self, found: Solution) -> Solution:
        """With all values free an answer within the gap may spend a little on some that are no cause."""
        assert found.x is not None and found.objective is not None
        worth = self.elastic.worth(found.x)
        kept = {int(i) for i in np.flatnonzero(worth >= 0.02 * found.objective)}
        if len(kept) == int((worth > NEGLIGIBLE).sum()):
            return found
        self.elastic.allow(kept, self.elastic.delays(found.x))
        fewer, _ = self.places_and_units(found)
        better = fewer is not None and (fewer.objective or 0.0) <= 1.04 * found.objective
        return fewer if better and fewer is not None else found

    def progress(self, p: Progress) -> None:
        self.say("", gap=p.gap)

    # ---- in the true rows

    def verified(
        self, changes: list[Change], delays: Mapping[str, int], x: Floats
    ) -> tuple[list[Change], bool]:
        """The changes, topped up by the least margin with which the integers found make a plan."""
        if not changes:
            return changes, self.holds(changes, delays, x)
        rough = any(h.exact is not None for h, _ in changes)
        for margin in (*MARGINS, *(ROUGH_MARGINS if rough else ())):
            whole = min(margin, MARGINS[-1])
            grown = [
                (h, min(v * (1 + (whole if h.exact is None else margin)) + 1e-9, h.most)) for h, v in changes
            ]
            if self.holds(grown, delays, x):
                return self.with_headroom(self.trimmed(grown, delays, x)), True
        return changes, False

    def holds(self, changes: list[Change], delays: Mapping[str, int], x: Floats) -> bool:
        """Whether the true model under these changes is feasible with the integers of ``x``."""
        return self.linear(self.elastic.held(changes, delays, x)).status is Status.OPTIMAL

    def with_headroom(self, changes: list[Change]) -> list[Change]:
        return [(h, min(v * (1 + HEADROOM), h.most)) for h, v in changes]

    def trimmed(self, changes: list[Change], delays: Mapping[str, int], x: Floats) -> list[Change]:
        """Bisect down the changes whose columns only approximate their rows, integers held."""
        rough = [(h, v) for h, v in changes if h.exact is not None]
        if not rough:
            return changes
        live = self.elastic.held(changes, delays, x)

        def holds(share: float) -> bool:
            for relaxation, change in rough:
                relaxation.write(live, change * share)
            return self.linear(live).status is Status.OPTIMAL

        low, high = 0.0, 1.0
        share = 1.0 - TRIM  # mostly the column is right, and this is the only probe
        while high - low > 1.5 * TRIM:
            low, high = (low, share) if holds(share) else (share, high)
            share = (low + high) / 2
        return [(h, v * high if h.exact is not None else v) for h, v in changes]

    # ---- 95 % of it must fail

    def tested(
        self, changes: list[Change], delays: dict[str, int], bound: float, x: Floats
    ) -> tuple[list[Change], dict[str, int], bool, Floats]:
        """The changes, made smaller as long as 95 % of them has a plan, and whether that is proven to end."""
        delays, least, x = self.earliest(changes, delays, x)
        while not least and not self.beyond_bound(changes, delays, bound):
            fewer, sooner = self.smaller(changes, delays)
            if not fewer and not sooner:  # nothing that may be taken in part
                break
            verdict, at = self.plan_under(fewer, sooner)
            if verdict is not True or at is None:
                return changes, delays, verdict is False, x
            changes, delays, x = self.with_headroom(self.trimmed(fewer, sooner, at)), sooner, at
        return changes, delays, True, x

    def earliest(
        self, changes: list[Change], delays: dict[str, int], x: Floats
    ) -> tuple[dict[str, int], bool, Floats]:
        """Dates moved no further than they must, each alone; and whether that is proven of one of them.

        Then 95 % fails too: it moves every date by a period less, and every other value by no more.
        """
        first, proven = {d.workload: d.first for d in self.elastic.duties}, False
        for w in [w for w, t in delays.items() if t < self.elastic.case.calendar.n]:
            while delays.get(w, 0) > first[w]:
                sooner = {k: t - (k == w) for k, t in delays.items() if t - (k == w) > first[k]}
                verdict, at = self.plan_under(changes, sooner)
                if verdict is not True or at is None:
                    proven |= verdict is False
                    break
                delays, x = sooner, at
        return delays, proven, x

    def beyond_bound(self, changes: list[Change], delays: Mapping[str, int], bound: float) -> bool:
        """Whether the bound on the sum of changes forbids 95 % of them; it knows no dates and no approximations."""
        if delays or any(h.exact is not None for h, _ in changes):
            return False
        total = sum(v * h.price(self.elastic.tiers) for h, v in changes)
        return TESTED * (1 + ROUNDING) * total < bound

    def smaller(
        self, changes: list[Change], delays: Mapping[str, int]
    ) -> tuple[list[Change], dict[str, int]]:
        """95 % of every change; dates by whole periods, rounded down; what is taken or left whole is left."""
        elastic, first = self.elastic, {d.workload: d.first for d in self.elastic.duties}
        fewer = [(h, v * TESTED * (1 + ROUNDING)) for h, v in changes if h.changed is None]
        sooner = {
            w: first[w] + int(np.floor((t - first[w]) * TESTED))
            for w, t in delays.items()
            if t < elastic.case.calendar.n
        }
        return fewer, sooner

    def plan_under(
        self, changes: list[Change], delays: Mapping[str, int]
    ) -> tuple[bool | None, Floats | None]:
        """Whether the true model has a plan with whole places and units under these changes; None: not decided."""
        if self.spent:
            return None, None
        live = self.elastic.true_model(changes, delays)
        found = self.linear(live, NO_LIMIT)
        for families in (PLACES, (UNITS,)) if self.whole else ():
            if found.status is not Status.OPTIMAL:
                break
            for family in families:
                live.set_integrality(family, True)
            found = self.integer(live, gap=None)
        if found.x is not None:
            return True, found.x
        return (False if found.status is Status.INFEASIBLE else None), None


def near(found: Solution, bound: float) -> bool:
    """Whether the sum of changes found is within the gap of ``NEAR`` of a bound."""
    return found.objective is not None and found.objective - bound <= NEAR * found.objective + NEGLIGIBLE


def out_of_reach(relaxation: Relaxation, reached: float) -> float:
    """A value that is ``BEYOND`` what can be reached, within what may be asked for."""
    value = rounded(reached, -relaxation.direction * BEYOND[relaxation.kind], POINT_DECIMALS)
    return min(value, 100.0) if relaxation.kind == "control" else max(value, 0.0)
