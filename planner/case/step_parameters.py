"""Parameters of the decoding step by what is served on what, as fitted: common values and deviations by group."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from planner.case.serving_step import PARAMETERS
from planner.facts.catalog import Catalog

STEP_EFFECTS = {
    "slowness": ("vendor", "generation", "precision"),
    "launch": ("vendor", "experts", "generation", "precision"),
    "weights": ("vendor", "experts"),
    "cache": ("vendor",),
    "prefill": ("vendor", "experts"),
    "decode": ("vendor", "experts", "precision"),
    "handling": ("experts",),
}
"""Groupings by which parameters of the step deviate."""
UNMEASURED_VENDOR = {"slowness": -np.log(0.75), "launch": np.log(1.3)}
"""What a vendor nobody measured adds: three quarters of what its data sheets promise, by judgement."""


@dataclass(frozen=True)
class StepParameters:
    """Parameters of the decoding step: common values and deviations by (parameter, effect, group)."""

    values: Mapping[tuple[str, str, str], float]
    vendors: frozenset[str]

    def theta(self, labels: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Each parameter for every row of labels."""
        n = len(labels["vendor"])
        out = {p: np.full(n, self.values.get((p, "all", "all"), 0.0)) for p in PARAMETERS}
        for parameter, effects in STEP_EFFECTS.items():
            for effect in effects:
                own = {g: v for (p, e, g), v in self.values.items() if (p, e) == (parameter, effect)}
                out[parameter] = out[parameter] + np.array([own.get(str(x), 0.0) for x in labels[effect]])
        unmeasured = np.array([str(x) not in self.vendors for x in labels["vendor"]])
        for parameter, added in UNMEASURED_VENDOR.items():
            out[parameter] = out[parameter] + added * unmeasured
        return out

    def level(self, models: Iterable[str]) -> np.ndarray:
        """Log factor of models whose rates are not tokens of text."""
        return np.array([self.values.get(("level", "model", str(m)), 0.0) for m in models])


@lru_cache(maxsize=8)
def step_parameters(catalog: Catalog, vendors: frozenset[str]) -> StepParameters:
    """As stored; ``vendors``: those measured."""
    table = catalog.table("serving_parameters")
    keys = zip(table["parameter"], table["effect"], table["group"], strict=True)
    values = {(str(p), str(e), str(g)): float(v) for (p, e, g), v in zip(keys, table["value"], strict=True)}
    return StepParameters(values, vendors)
