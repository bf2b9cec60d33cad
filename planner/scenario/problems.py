"""Problems of an input file: each has a place, a path and a message; all are reported at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from planner.facts.errors import PlannerError


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
    """An input file cannot be used; ``problems`` holds every fault found, sorted by place."""

    def __init__(self, problems: Iterable[Problem]):
        self.problems = sorted(set(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))

    @classmethod
    def single(cls, file: str, message: str, line: int = 1, col: int = 1) -> InputError:
        """A fault that leaves nothing else to say, such as a file that is a folder."""
        return cls([Problem(file, line, col, "", message)])


class ScenarioError(InputError):
    """A scenario cannot be used."""
