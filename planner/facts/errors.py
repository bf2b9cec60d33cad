"""What the planner refuses or fails at: one family, so that a fault of the program is never taken for an answer.

A message is for whoever asked. What is raised and is no ``PlannerError``, or is an ``InternalError``, is a fault
of the planner: it is never caught to say that something is not offered, and the command line exits with 3.
"""

from __future__ import annotations


class PlannerError(Exception):
    """Root of all errors that are meant for the user; as it stands: what was asked for cannot be used."""


class UnknownName(PlannerError):
    """A name that the catalog, the scenario or the plan does not have; the message suggests near ones."""


class BadValue(PlannerError):
    """A value that a function does not take; the message says what it takes."""


class MissingFact(PlannerError):
    """A figure cannot be had because the catalog does not know what it rests on."""


class NotOffered(PlannerError):
    """The scenario offers nothing of what is asked about."""


class NoPlan(PlannerError):
    """No plan exists or none was found, where the answer needs one."""


class InternalError(PlannerError):
    """A fault of the planner itself: a rule that cannot be compiled, a call the solver refuses."""
