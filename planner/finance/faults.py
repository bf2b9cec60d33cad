"""What cannot be financed: each fault has a place and a message, and all of them are raised together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from planner.facts.errors import PlannerError


@dataclass(frozen=True, order=True)
class Fault:
    """One fault; ``path`` is where in the input it stands, such as ``sources.eca.tenor_years``."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class FinanceError(PlannerError):
    """Money that does not add up; ``faults`` holds everything found, sorted by place."""

    def __init__(self, faults: Iterable[Fault]):
        self.faults = sorted(set(faults))
        super().__init__("\n".join(str(fault) for fault in self.faults))

    @classmethod
    def single(cls, path: str, message: str) -> FinanceError:
        return cls([Fault(path, message)])


class IrrError(FinanceError):
    """Flows without an internal rate of return, or with more than one.

    ``sign_changes`` counts the changes of sign along the flows, ``rates`` holds every rate found.
    """

    def __init__(self, message: str, sign_changes: int, rates: Iterable[float] = ()):
        self.sign_changes = sign_changes
        self.rates = tuple(rates)
        super().__init__([Fault("flows", message)])


class NoIrrError(IrrError):
    """No rate above -100 % makes the flows worth nothing."""


class SeveralIrrsError(IrrError):
    """More than one rate makes the flows worth nothing."""


def raise_all(faults: Iterable[Fault]) -> None:
    """Raise what was collected, if anything."""
    if found := list(faults):
        raise FinanceError(found)
