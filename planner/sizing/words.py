"""The chain from people to chips as sentences and as a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from planner.facts.numbers import number, percent
from planner.facts.spans import Span
from planner.sizing.steps import Chain

MOST = 3
"""Assumptions named: those that matter most."""
OTHERS = 2
"""Other systems named beside the chosen one."""
COLUMNS = [
    "w",
    "system",
    "step",
    "by",
    "factor_low",
    "factor_mid",
    "factor_high",
    "low",
    "mid",
    "high",
    "unit",
    "doubt",
]


Chains = Mapping[str, Sequence[Chain]]
"""By workload: the chain on the system chosen first, then on the others."""


def sentences(chains: Chains) -> list[str]:
    """A sentence a workload that asks for something."""
    return [sentence(found) for found in chains.values() if found]


def sentence(chains: Sequence[Chain]) -> str:
    """What is asked for, every factor, the accelerators with their range, other systems, and what matters most."""
    first = chains[0]
    before = [step for step in first.steps if step.unit != first.steps[-1].unit]
    told = f"{number(first.start)} {first.start_unit}"
    amounts = first.amounts()
    if before:
        reached = amounts[len(before)]
        told += (
            f"{_factors(first, 0, len(before))} = {number(_round(reached.mid))} {before[-1].unit} at the peak"
        )
    told += f"{_factors(first, len(before), len(first.steps))} → {_held(first.held)} {first.system}"
    others = " or ".join(f"{number(_round(c.held.mid))} {c.system}" for c in chains[1 : 1 + OTHERS])
    told += f", or {others}" if others else ""
    return f"{first.workload}: {told}" + (f". {doubts(first)}" if first.doubts() else "")


def doubts(chain: Chain) -> str:
    """The assumptions that matter most, with the share of each in the uncertainty."""
    most = list(chain.doubts().items())[:MOST]
    return "Of its uncertainty: " + ", ".join(f"{name} {percent(share)}" for name, share in most)


def shared_doubts(chains: Iterable[Chain]) -> Mapping[str, float]:
    """The assumptions that matter most to the number of accelerators, with their share of its uncertainty.

    Each workload counts by the accelerators it holds.
    """
    held = [(chain, chain.held.mid) for chain in chains]
    whole = sum(amount for _, amount in held)
    shares: dict[str, float] = {}
    for chain, amount in held:
        for name, share in chain.doubts().items():
            shares[name] = shares.get(name, 0.0) + share * amount / whole
    return dict(sorted(shares.items(), key=lambda item: -item[1])[:MOST])


def table(chains: Sequence[Sequence[Chain]]) -> pd.DataFrame:
    """A row a step (``COLUMNS``): the factor, the amount after it in ``unit``, and its share of the uncertainty."""
    rows: list[tuple[object, ...]] = []
    for chain in (chain for found in chains for chain in found):
        shares, start = chain.doubts(), chain.start
        rows.append((chain.workload, chain.system, "asked for", "", *[start] * 6, chain.start_unit, 0.0))
        for step, amount in zip(chain.steps, chain.amounts()[1:], strict=True):
            f, by = step.factor, "÷" if step.divides else "×"
            rows.append((chain.workload, chain.system, step.name, by, f.low, f.mid, f.high,
                         amount.low, amount.mid, amount.high, step.unit, shares.get(step.name, 0.0)))  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


def _factors(chain: Chain, first: int, last: int) -> str:
    return "".join(
        f" {'÷' if step.divides else '×'} {number(step.factor.mid)} {step.name}"
        for step in chain.steps[first:last]
    )


def _round(value: float) -> float:
    """Three figures: a rough figure has no more."""
    return float(f"{value:.3g}")


def _held(held: Span) -> str:
    low, mid, high = (number(_round(v)) for v in (held.low, held.mid, held.high))
    return mid if held.low == held.high else f"{mid} ({low} – {high})"
