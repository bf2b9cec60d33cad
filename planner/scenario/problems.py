"""Problems of an input file: each has a place, a path and a message; all are reported at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from planner.facts.errors import PlannerError

SHOWN = 50
"""Problems that are printed; the others are counted."""


@dataclass(frozen=True, order=True)
class Place:
    """A position in a file; line and column count from 1."""

    file: str
    line: int = 1
    col: int = 1


@dataclass(frozen=True, order=True)
class Problem:
    """One fault: ``str()`` gives ``file:line:col: path: message``, which editors can jump to."""

    file: str
    line: int
    col: int
    path: str
    message: str

    @classmethod
    def at(cls, place: Place, path: str, message: str) -> Problem:
        return cls(place.file, place.line, place.col, path, message)

    def __str__(self) -> str:
        return self.placed("")

    def placed(self, mark: str) -> str:
        """The line with a mark such as ``warning: `` after the place."""
        where = f"{self.file}:{self.line}:{self.col}: {mark}"
        return where + (f"{self.path}: " if self.path else "") + self.message


class InputError(PlannerError):
    """An input file cannot be used; ``problems`` holds every fault found, sorted by place; ``str()`` the first."""

    def __init__(self, problems: Iterable[Problem]):
        self.problems = sorted(set(problems))
        super().__init__("\n".join(first_lines(self.problems)))

    @classmethod
    def single(cls, file: str, message: str, line: int = 1, col: int = 1) -> InputError:
        """A fault that leaves nothing else to say, such as a file that is a folder."""
        return cls([Problem(file, line, col, "", message)])


def first_lines(problems: list[Problem]) -> list[str]:
    """A line for each of the first problems, and one that counts the rest."""
    lines = [str(problem) for problem in problems[:SHOWN]]
    rest = len(problems) - SHOWN
    if rest > 0:
        lines.append(f"and {rest} more; `planner validate FILE --json` lists all")
    return lines


class ScenarioError(InputError):
    """A scenario cannot be used."""
