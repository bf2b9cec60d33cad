"""How far a batch is, on standard error: a bar with rate and time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from planner.cli.output import console

if TYPE_CHECKING:
    from planner.runs.batch_resume import BatchPlan

SHOWN_REASONS = 5
KEPT = "(done before)"


class BatchProgress:
    """Told of the plan and of every case; rate and time left count only what is solved now."""

    def __init__(self) -> None:
        self.console = console(stderr=True)
        self.bar: Progress | None = None
        self.task: TaskID | None = None
        self.solved, self.to_solve = 0, 0
        self.began = time.monotonic()
        self.folder: Path | None = None

    def __enter__(self) -> BatchProgress:
        if self.console.is_terminal:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[pace]}"),
            )
            self.bar = Progress(*columns, console=self.console)
            self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.stop()

    def plan(self, plan: BatchPlan) -> None:
        """Says what is there, what is solved and why, and what is put aside."""
        self.to_solve, self.began = len(plan.to_solve), time.monotonic()
        self.folder = plan.folder
        if self.bar is not None:
            self.task = self.bar.add_task("cases", total=len(plan.steps), pace="")
        if not plan.kept and not plan.aside:
            return
        self._say(f"{len(plan.kept)} of {len(plan.steps)} cases are answered, {self.to_solve} are solved now")
        reasons = Counter(step.why for step in plan.to_solve).most_common()
        for why, n in reasons[:SHOWN_REASONS]:
            self._say(f"  {n} because: {why}")
        if len(reasons) > SHOWN_REASONS:
            self._say(f"  and {len(reasons) - SHOWN_REASONS} more reasons: --dry-run lists them")

    def case(self, name: str, status: str, done: int, total: int) -> None:
        """One case more."""
        self.solved += not status.endswith(KEPT)
        pace = pace_of(self.solved, self.to_solve, time.monotonic() - self.began)
        if self.bar is not None and self.task is not None:
            self.bar.update(self.task, completed=done, pace=pace)
        if self.bar is None or not status.endswith(KEPT):
            end = f"  ({pace})" if pace and self.bar is None else ""
            self._say(f"{done:>{len(str(total))}} of {total}  {name}: {status}{end}")

    def stopped(self) -> None:
        """How to go on after the batch was ended."""
        if self.folder is not None:
            self._say(f"stopped; finished cases are kept: go on with --resume -o {self.folder}")

    def _say(self, line: str) -> None:
        self.console.print(line, markup=False, soft_wrap=True)


def pace_of(solved: int, to_solve: int, seconds: float) -> str:
    """Rate and time left in words; empty before anything is solved.

    >>> pace_of(10, 40, 120)
    '5 a minute, 6 min left'
    """
    if not solved or seconds <= 0:
        return ""
    rate = 60 * solved / seconds
    pace = f"{rate:.{1 if rate < 3 else 0}f} a minute"
    left = (to_solve - solved) * seconds / solved
    return f"{pace}, {duration(left)} left" if left > 0 else pace


def duration(seconds: float) -> str:
    """Seconds in the unit a reader counts in.

    >>> duration(45), duration(600), duration(7500)
    ('45 s', '10 min', '2 h 5 min')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
