"""A scenario with its demand scaled, for the quick estimate."""

from __future__ import annotations

from planner.scenario.schema import Scenario, TrainingRuns, Workload


def scaled(scenario: Scenario, inference: float, training: float) -> Scenario:
    """A copy whose training and fine-tuning is multiplied by ``training`` and everything else by ``inference``."""
    demand = [
        _workload(w, training if w.kind in ("training", "fine-tuning") else inference)
        for w in scenario.demand
    ]
    return scenario.model_copy(update={"demand": demand})


def _workload(workload: Workload, factor: float) -> Workload:
    size = workload.size
    if isinstance(size, TrainingRuns):
        runs = [run.model_copy(update={"tokens_b": run.tokens_b * factor}) for run in size.runs]
        return workload.model_copy(update={"size": size.model_copy(update={"runs": runs})})
    points = [point.model_copy(update={"value": point.value * factor}) for point in size.points]
    return workload.model_copy(update={"size": size.model_copy(update={"points": points})})
