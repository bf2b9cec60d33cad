"""What is not served: prompts beyond a context, speeds and first tokens out of reach, models that no system holds."""

from __future__ import annotations

from planner.case.conditions import Question, usual_precision
from planner.case.roofline import bytes_per_param
from planner.case.serving_order import Reach, reach
from planner.facts.catalog import Catalog
from planner.facts.errors import BadValue
from planner.facts.numbers import fixed

OUT_OF_REACH = 1.5
"""Speeds and first tokens beyond the best computed one by more than this are refused."""


def check_context(question: Question) -> None:
    """Raises where prompt and answer are more than the model takes."""
    model, answer = question.service.model, question.service.output_tokens
    limit, prompt = model.context_tokens, question.input_tokens
    if limit is not None and prompt + answer > limit:
        raise BadValue(
            f"{fixed(prompt)} tokens in and {fixed(answer)} out are more than the context of {model.model_id}: "
            f"{fixed(limit)} tokens; state shorter ones or a model with a longer context"
        )


def reached(catalog: Catalog, question: Question) -> Reach:
    """What the accelerator reaches; raises where no accelerator reaches what is asked."""
    service, prompt = question.service, question.input_tokens
    found = reach(catalog, service, prompt)
    own = next((r for r in found if r.accelerator == question.chip.accelerator_id), None)
    if own is None:
        raise BadValue(_too_large(catalog, question))
    fast = max(found, key=lambda r: r.speed)
    if question.speed > OUT_OF_REACH * fast.speed:
        raise BadValue(
            f"no accelerator serves {service.model.model_id} at {question.speed:g} tokens/s a user; the best reached is "
            f"{fast.speed:.0f} on {fast.accelerator}"
        )
    soon = min(found, key=lambda r: r.ttft_s)
    if service.ttft_s is not None and service.ttft_s * OUT_OF_REACH < soon.ttft_s:
        raise BadValue(
            f"no accelerator gives the first token of a prompt of {fixed(prompt)} within {service.ttft_s:g} s; the best "
            f"reached is {soon.ttft_s:.2g} s on {soon.accelerator}"
        )
    return own


def _too_large(catalog: Catalog, question: Question) -> str:
    service, chip = question.service, question.chip
    precision = service.precision or usual_precision(catalog, service.model, chip)
    weights = service.model.params_total_b * bytes_per_param(precision)
    systems = catalog.table("systems").dropna(subset=["accelerator_id", "n_accelerators"])
    memory = systems["accelerator_id"].map(catalog.table("accelerators")["usable_mem_gb"]).astype(float)
    memory = memory * systems["n_accelerators"].astype(float)
    fitting = memory[memory * 0.9 >= weights]
    place = (
        f"the smallest system that does is {fitting.idxmin()} with {fixed(fitting.min())} GB"
        if len(fitting)
        else f"the largest system is {memory.idxmax()} with {fixed(memory.max())} GB"
    )
    return (
        f"{service.model.model_id} needs {fixed(weights)} GB for its weights in {precision}, which no replica of "
        f"{chip.accelerator_id} holds; {place}"
    )
