"""Project finance: sources of capital, statements, ratios; a post-processor of a plan, or without one."""

from planner.finance.annual import proforma
from planner.finance.faults import FinanceError

__all__ = ["FinanceError", "proforma"]
