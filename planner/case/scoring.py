"""Scores of an offer: control under three weightings, SEAL with what holds it down, Oxford's three levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from planner.case import control
from planner.case.attributes import compute_sovereignty, offer_attributes
from planner.case.context import Context
from planner.case.levels import Offer, raised
from planner.scenario.schema import Host


@dataclass(frozen=True)
class Scores:
    """What one host x stack x accelerator scores for data of one home country; sigmas are 0-1."""

    sigma: float
    sigma_v121: float
    sigma_equal: float
    seal: int
    seal_strict: int
    seal_binding: str
    answers: str
    territory: bool
    provider: bool
    chips: bool


class Scorer:
    """Scores offers, each once: attributes -> answers -> overrides -> score and SEAL."""

    def __init__(self, context: Context):
        self.context = context
        self.criteria: pd.DataFrame = control.prepare_criteria(context.catalog)
        self._seen: dict[tuple[Any, ...], Scores] = {}
        self._by_answers: dict[tuple[Any, ...], Scores] = {}

    def scores(self, host: Host, stack: str, accelerator: str, licensed: bool, home: str) -> Scores:
        """Scores as seen from ``home``: the partner country, or the country of a hub's guest."""
        key = (host.id, stack, accelerator, licensed, home)
        if key not in self._seen:
            attributes = offer_attributes(self.context, host, stack, accelerator, licensed, home)
            choice = self.context.scenario.control
            answers = control.derived_answers(self.context.catalog, attributes)
            answers = control.overridden(answers, choice, host.id, stack)
            levels = compute_sovereignty(attributes)
            alike = (control.answers_text(answers), *levels.values())
            if alike not in self._by_answers:
                self._by_answers[alike] = self._score(answers, levels)
            self._seen[key] = self._by_answers[alike]
        return self._seen[key]

    def held(self, offer: Offer, levels: Sequence[str]) -> tuple[int, str]:
        """SEAL, and the criteria that hold it down, of an offer at a host that is held to levels."""
        answers = raised(self.context, offer, levels)
        seal, holders = control.binding(answers, self.criteria, self.context.scenario.control.exclude)
        return seal, ", ".join(holders)

    def _score(self, answers: list[list[int]], levels: dict[str, bool]) -> Scores:
        choice = self.context.scenario.control
        sigma, v121, equal = (
            control.score(answers, weighting, self.criteria) / 100.0
            for weighting in (choice.weighting, "v1.2.1", "equal")
        )
        seal, holders = control.binding(answers, self.criteria, choice.exclude)
        strict = control.seal(answers, self.criteria)
        text = control.answers_text(answers)
        return Scores(sigma, v121, equal, seal, strict, ", ".join(holders), text, **levels)
