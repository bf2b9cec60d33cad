"""Live trade-offs: one hot linear programme a run, built once in the background, asked by many.

A live object is not thread-safe: each has its own lock, so readers of one run wait for each other for some
tens of milliseconds and readers of other runs not at all. After a restart it is built anew from the run's
frozen scenario, with the hosts and stacks of its plans. The cache holds a few; the least recently asked goes first.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from planner.report import front
from planner.studies.next_step import Price, price, tighter

log = logging.getLogger("planner.app")
NEAR = 0.01
"""Share of the cost within which a plan is as good, to a reader who asks what is forced."""
PAUSE_S = 0.005
RETRY_S = 60.0
"""What failed once would else be built again by every question of an open page."""
READERS = 200
"""Visits whose last question is remembered."""
KEPT = 3
"""A live programme of the Korea example holds some 300 MB."""


@dataclass
class Around:
    """What is known around a point: who is served when, what is forced; ``asked`` choices, worked out one by one."""

    service: pd.DataFrame = field(default_factory=pd.DataFrame)
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    asked: int = 0
    done: bool = False


@dataclass
class Live:
    """The programme of one run: ``state`` is ``building``, ``ready`` or ``failed`` (with ``error``)."""

    state: str = "building"
    error: str = ""
    program: Any = None
    points: Any = None
    """Screening points as a frame; None until somebody asked and they are there."""
    screening: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)
    built: threading.Event = field(default_factory=threading.Event)
    guard: threading.Lock = field(default_factory=threading.Lock)
    asked: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)
    known: dict[tuple[float, float], Around] = field(default_factory=dict)
    again_s: float = 0.0
    """Of the clock that only goes forward: when one that failed may be built again."""
    waiting: int = 0
    """Readers whose question is at work or waits for its turn."""

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """The programme for one question of somebody who waits; what works in the background gives way meanwhile."""
        with self.guard:
            self.waiting += 1
        try:
            with self.lock:
                yield
        finally:
            with self.guard:
                self.waiting -= 1

    def _give_way(self) -> bool:
        """Waits until nobody does; asked between two solves of work in the background, which need not stop."""
        while self.waiting:
            time.sleep(PAUSE_S)
        return False

    def at(
        self, max_delay_months: float, min_control_points: float, visit: str = ""
    ) -> dict[str, Any] | None:
        """Figures of the cheapest plan within the limits; needs ``state == "ready"``.

        ``visit`` is whoever looks (one opened page): None if they ask for other limits while this waits its turn.
        """
        asked = (max_delay_months, min_control_points)
        with self.guard:
            self.asked[visit] = asked
            self.asked.move_to_end(visit)
            if len(self.asked) > READERS:
                self.asked.popitem(last=False)
        with self._turn():
            if self.asked.get(visit, asked) != asked:
                return None
            return dict(
                self.program.at(max_delay_months=max_delay_months, min_control_points=min_control_points)
            )

    def screened(self) -> Any:
        """The front on this programme, None until it is there: the first to ask has it worked out meanwhile."""
        with self.guard:
            if self.state == "ready" and not self.screening:
                self.screening = True
                threading.Thread(target=self._screen, name="screening", daemon=True).start()
        return self.points

    def around(self, max_delay_months: float, min_control_points: float) -> Around:
        """What surrounds the cheapest plan within limits, as far as it is worked out: the first to ask starts it."""
        at = (max_delay_months, min_control_points)
        with self.guard:
            found = self.known.get(at)
            if found is None:
                found = self.known[at] = Around()
                threading.Thread(target=self._around, args=(at, found), name="around", daemon=True).start()
        return found

    def _around(self, at: tuple[float, float], found: Around) -> None:
        from planner.studies.ranges import choices, near_optimal_rows, service_by_workload

        try:
            with self._turn():
                point = self.program.solve(*at)
            if point is not None:
                found.service = service_by_workload(self.program, point)
                found.asked = len(choices(self.program))
                for row in near_optimal_rows(self.program, point, (NEAR,)):
                    found.rows.append(row)
                    self._give_way()
        except Exception:
            log.exception("what surrounds a point could not be worked out")
        found.done = True

    def _screen(self) -> None:
        from planner.studies.frontier import screened

        try:
            self.program.between = self._give_way
            self.points = front.shown(screened(self.program, self._give_way))
        except Exception:
            log.exception("the front of a live programme could not be worked out")
            self.points = front.shown(pd.DataFrame())

    def prices(self, answer: dict[str, Any], visit: str = "") -> dict[str, Price] | None:
        """Prices at an answer, by solving tighter limits; None if the visit asks for other limits meanwhile."""
        asked = (answer["max_delay_months"], answer["min_control"])
        found = {}
        for name, stricter in tighter(answer).items():
            with self._turn():  # given back between the solves: a move of a slider does not wait for both
                if self.asked.get(visit, asked) != asked:
                    return None
                found[name] = price(self.program, answer, stricter)
        return found


class LiveCache:
    """Run id -> Live, built in a thread of its own when first asked for."""

    def __init__(self, build: Callable[[Any], Any] | None = None, kept: int = KEPT):
        self._build = build or _build
        self._kept = kept
        self._entries: OrderedDict[str, Live] = OrderedDict()
        self._guard = threading.Lock()

    def get(self, key: str, run: Any) -> Live:
        """The entry of a run, at once; look at its ``state``. A failed one is tried again when asked after a while."""
        with self._guard:
            entry = self._entries.get(key)
            if entry is not None and (entry.state != "failed" or time.monotonic() < entry.again_s):
                self._entries.move_to_end(key)
                return entry
            entry = self._entries[key] = Live()
            while len(self._entries) > self._kept:
                self._entries.popitem(last=False)
        threading.Thread(target=self._make, args=(entry, run), name=f"live-{key}", daemon=True).start()
        return entry

    def _make(self, entry: Live, run: Any) -> None:
        try:
            entry.program = self._build(run)
            entry.state = "ready"
        except Exception as error:
            log.exception("live trade-off could not be built")
            entry.again_s = time.monotonic() + RETRY_S
            entry.error, entry.state = str(error), "failed"
        finally:
            entry.built.set()


def _build(run: Any) -> Any:
    """The programme, asked along the slider of delay: the first solve takes seconds, the next ones do not."""
    from planner.runs.frontier import live_of_run

    program = live_of_run(run)
    limits = front.limits(front.points_of(run), run.kpis)
    program.prepare(limits.delay_high, limits.delay_low, limits.control_low)
    return program
