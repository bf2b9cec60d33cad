"""Answers to why: why there is no plan, what binds in a plan and what it is worth, why not another choice."""

from planner.explain.binding import binding, binding_of
from planner.explain.causes import Cause, written
from planner.explain.diagnosis import Diagnosis, explain_infeasible
from planner.explain.elastic import NoCure
from planner.explain.iis import Conflict, iis
from planner.explain.next_point import NextPoint, next_point
from planner.explain.why_not import Answer, why_not

__all__ = [
    "Answer",
    "Cause",
    "Conflict",
    "Diagnosis",
    "NextPoint",
    "NoCure",
    "binding",
    "binding_of",
    "explain_infeasible",
    "iis",
    "next_point",
    "why_not",
    "written",
]
