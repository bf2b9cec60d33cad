"""Answers to why: why there is no plan, what binds in a plan and what it is worth, why not another choice."""

from planner.explain.diagnosis import Cause, Diagnosis, diagnose, explain_infeasible
from planner.explain.elastic import NoCure

__all__ = ["Cause", "Diagnosis", "NoCure", "diagnose", "explain_infeasible"]
