"""Work rate of an accelerator: tokens per second measured, scaled or bounded, relative to a reference.

Every rate carries its ``method``: ``measured`` (a published result for the model and scenario), ``scaled``
(the accelerator measured on other models or scenarios, times the reference accelerator's ratio), or
``roofline`` (memory bandwidth against the reference chip: token generation streams weights and cache).
Training uses 6 N D floating-point operations at whole-run efficiency, so only the bf16 peak counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from planner.case.periods import HOURS_PER_YEAR
from planner.catalog import Catalog


@dataclass(frozen=True)
class Rate:
    """Output tokens per second of one accelerator in the named scenario."""

    tokens_per_s: float
    method: str
    measured_on: pd.Timestamp | None


def best_measured(catalog: Catalog) -> pd.DataFrame:
    """Best published rate for each (model_id, scenario, accelerator_id): rate and date."""
    rows = catalog.table("throughput").reset_index(drop=True)
    rows = rows.sort_values("tokens_per_s_per_accelerator", ascending=False)
    rows = rows.drop_duplicates(["model_id", "scenario", "accelerator_id"])
    return rows.set_index(["model_id", "scenario", "accelerator_id"])[
        ["tokens_per_s_per_accelerator", "measured_on"]
    ]


class Throughput:
    """Look-up of serving rates with a ladder of fall-backs, and of training rates."""

    def __init__(self, catalog: Catalog, anchor: str = "b300"):
        self.catalog = catalog
        self.anchor = anchor
        self.measured = best_measured(catalog)
        self.rate_column = self.measured["tokens_per_s_per_accelerator"]

    def serving(self, model_class: str, scenario: str, accelerator: str) -> Rate:
        """Serving rate of ``accelerator`` for the benchmark model of ``model_class``."""
        model = str(self.catalog.value("model_classes", model_class, "model_id"))
        direct = self._row(model, scenario, accelerator)
        if direct is not None:
            return direct
        base = self._anchor_rate(model, scenario)
        if accelerator == self.anchor:
            return Rate(base, "scaled", self._last_measured(accelerator))
        ratio, date = self._measured_ratio(accelerator, scenario)
        if ratio is not None:
            return Rate(base * ratio, "scaled", date)
        bandwidth = self.catalog.table("accelerators")["hbm_tb_s"]
        return Rate(base * float(bandwidth[accelerator] / bandwidth[self.anchor]), "roofline", None)

    def training_flops(self, accelerator: str) -> float:
        """Sustained floating-point operations per second of one accelerator over a whole training run."""
        peak = self.catalog.value("accelerators", accelerator, "bf16_dense_tflops")
        return float(peak) * 1e12 * self.catalog.param("training_run_efficiency")

    def training_accelerator_hours(self, params_active_b: float, tokens_b: float, accelerator: str) -> float:
        """Accelerator-hours of one run: 6 N D / (peak x efficiency x 3600)."""
        return 6.0 * params_active_b * 1e9 * tokens_b * 1e9 / self.training_flops(accelerator) / 3600.0

    def _row(self, model: str, scenario: str, accelerator: str) -> Rate | None:
        key = (model, scenario, accelerator)
        if key not in self.measured.index:
            return None
        row = self.measured.loc[key]
        return Rate(float(row["tokens_per_s_per_accelerator"]), "measured", pd.Timestamp(row["measured_on"]))

    def _anchor_rate(self, model: str, scenario: str) -> float:
        """Rate of the anchor chip, itself scaled from its server rate where a scenario is missing."""
        direct = self._row(model, scenario, self.anchor)
        if direct is not None:
            return direct.tokens_per_s
        ratios = []
        wide = self.rate_column.unstack("scenario")
        for other in ("server", "offline", "interactive"):
            known = self._row(model, other, self.anchor)
            if known is None or other not in wide or scenario not in wide:
                continue
            both = wide[[other, scenario]].dropna() if other != scenario else pd.DataFrame()
            same_model = both[both.index.get_level_values("model_id") == model]
            both = same_model if len(same_model) else both
            if len(both):
                ratios.append(known.tokens_per_s * float(np.exp(np.log(both[scenario] / both[other]).mean())))
        if not ratios:
            raise KeyError(f"no measurement ties {self.anchor} to {model} in scenario {scenario}")
        return float(ratios[0])

    def _measured_ratio(self, accelerator: str, scenario: str) -> tuple[float | None, pd.Timestamp | None]:
        """Geometric mean ratio to the anchor over the models both were measured on, same scenario first."""
        wide = self.rate_column.unstack("accelerator_id")
        if accelerator not in wide or self.anchor not in wide:
            return None, None
        both = wide[[accelerator, self.anchor]].dropna()
        same = both[both.index.get_level_values("scenario") == scenario]
        both = same if len(same) else both
        if not len(both):
            return None, None
        ratio = float(np.exp(np.log(both[accelerator] / both[self.anchor]).mean()))
        return ratio, self._last_measured(accelerator)

    def _last_measured(self, accelerator: str) -> pd.Timestamp:
        return pd.Timestamp(self.measured.xs(accelerator, level="accelerator_id")["measured_on"].max())


class SoftwareGain:
    """Gain of serving software by age of the chip generation, relative to its age when measured."""

    def __init__(self, catalog: Catalog, level: str = "mid"):
        table = catalog.table("software_gain").sort_values("age_years")
        self.ages = table["age_years"].to_numpy(float)
        self.gains = table[f"gain_{level}"].to_numpy(float)

    def factor(
        self, released: pd.Timestamp, measured_on: pd.Timestamp | None, when: np.ndarray
    ) -> np.ndarray:
        """Factor at decimal years ``when``; 1 where the chip has not been measured (no base to grow from)."""
        if measured_on is None:
            return np.ones_like(when, dtype=float)
        born = decimal_year(released)
        at = np.interp(np.maximum(when - born, 0.0), self.ages, self.gains)
        base = float(np.interp(max(decimal_year(measured_on) - born, 0.0), self.ages, self.gains))
        return np.maximum(at / base, 1.0)


def decimal_year(stamp: pd.Timestamp) -> float:
    """Calendar year with its fraction."""
    return stamp.year + (stamp.dayofyear - 1) * 24 / HOURS_PER_YEAR
