"""Rows that bound weighted sums over many families: caps on money, and what sources of finance may pay for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from planner.models.common import add_family, add_param, add_set
from planner.models.ledger import CONSTANT
from planner.models.rules import Rule

_SUMS: dict[int, Any] = {  # a template names every part of an index
    1: lambda i, c, v, S: sum(c[i, a] * v[a] for a in S[i]),
    2: lambda i, c, v, S: sum(c[i, a, b] * v[a, b] for a, b in S[i]),
    3: lambda i, c, v, S: sum(c[i, a, b, d] * v[a, b, d] for a, b, d in S[i]),
    4: lambda i, c, v, S: sum(c[i, a, b, d, e] * v[a, b, d, e] for a, b, d, e in S[i]),
    5: lambda i, c, v, S: sum(c[i, a, b, d, e, f] * v[a, b, d, e, f] for a, b, d, e, f in S[i]),
}


def weights_of(i: Any, family: str, index: Iterable[Any], weight: Any, most: float = 0.0) -> pd.DataFrame:
    """Rows for ``bounded_sums``: members of a family with their weights, in one row ``i`` or a row each; its bound."""
    members = list(index)
    weights = np.broadcast_to(np.asarray(weight, dtype=float), len(members))
    named = pd.Series(members, dtype=object)
    return pd.DataFrame({"i": i, "family": family, "index": named, "weight": weights, "most": most})


def bounded_sums(m: Any, name: str, weights: pd.DataFrame, most: Mapping[str, float]) -> None:
    """``name``[i]: sum of weight x family[index] <= most[i]; columns i, family, index, weight of ``weights``.

    Weights of one variable add up; those of ``CONSTANT`` are taken off what is allowed.
    """
    index = add_set(m, name.upper(), most, 1)
    fixed = weights[weights["family"] == CONSTANT].groupby("i")["weight"].sum()
    limit = f"{name}_max"
    add_param(m, limit, index, {i: musd - float(fixed.get(i, 0.0)) for i, musd in most.items()})
    families = []
    for family, part in weights[weights["family"] != CONSTANT].groupby("family", sort=False):
        total = part.groupby(["i", "index"], sort=False)["weight"].sum()
        keys = [(i, *(x if isinstance(x, tuple) else (x,))) for i, x in total.index]
        dimen = len(keys[0]) - 1
        summed = add_set(m, f"{name}_{family}".upper(), keys, dimen + 1)
        add_param(m, f"{name}_{family}", summed, dict(zip(keys, total, strict=True)))
        by: dict[Any, list[Any]] = {}
        for i, *rest in keys:
            by.setdefault(i, []).append(tuple(rest) if dimen > 1 else rest[0])
        add_family(m, f"{name}_in_{family}", index, by, dimen)
        families.append((str(family), dimen))
    rows = Rule(
        index,
        rule=lambda m, i: (
            sum(
                _SUMS[dimen](i, getattr(m, f"{name}_{f}"), getattr(m, f), getattr(m, f"{name}_in_{f}"))
                for f, dimen in families
            )
            <= getattr(m, limit)[i]
        ),
    )
    setattr(m, name, rows)
