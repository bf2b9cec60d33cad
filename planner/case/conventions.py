"""Conventions of money that decide figures: noted among the assumptions of a case, so that every report shows them."""

from __future__ import annotations

from planner.case.commitments import relet_share
from planner.case.context import Context
from planner.facts.fallbacks import cost_of_capital_real

RATE = "real discount rate per year"
RELET = {
    "accelerators": "rent that rented accelerators fetch when let on",
    "halls": "rent that leased halls fetch when let on",
}


def note_conventions(context: Context) -> None:
    """The discount rate with its source and the rule beside it; rule of residual values; shares fetched by letting on."""
    _note_rate(context)
    finance = context.scenario.finance
    stated = "residual" in finance.model_fields_set
    _note(
        context, "rule of residual values", finance.residual, "set in the scenario" if stated else "default"
    )
    for what, words in RELET.items():
        own = getattr(finance, f"relet_share_{what}") is not None
        why = "set in the scenario" if own else f"parameter relet_share_{what} of the catalog"
        _note(context, f"{words}, as share", relet_share(context, what), why)


def _note_rate(context: Context) -> None:
    money, used = context.scenario.money, context.discount_rate_real
    rule = cost_of_capital_real(context.catalog, context.scenario.country, context.level)
    why = "parameter discount_rate_real of the catalog, for the scenario states none"
    if money.discount_rate_real is not None:
        why = "set in the scenario" + (f" ({money.note})" if money.note else "")
    if abs(rule.value - used) > 5e-4:
        why += f"; with the country's risk premium the catalog gives {100 * rule.value:.1f} %: {rule.why}"
    _note(context, RATE, round(used, 6), why)


def _note(context: Context, item: str, value: object, why: str) -> None:
    context.assumed.append({"item": item, "value": value, "why": why})
