"""What the roofline misses, learned from published measurements: a hierarchical log-linear model.

log(rate) = log(roofline) + effects + noise. Every effect is a normal random one: of the model, of model by
scenario, of the chip, its family (generation) and vendor, of their pairings, of the serving software, of
time by model (software matures), and slopes in the roofline features, whose prior is "the roofline is
right". This is Gaussian-process regression with a sum of kernels, so a prediction is a weighted mean of
the nearest rows, and unseen models or chips fall back on their family, vendor and features with a wider
interval. The prior spreads below are weakly informative: set by judgement, then moved part of the way
to the maximum of the marginal likelihood and rounded; nothing is tuned to single rows.

Spreads of intervals are corrected by one factor per regime, so that 80 % of rows left out in
cross-validation fall inside (left out: the row, its (model, chip) cell, its chip family, its model).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Z80 = 1.2815515655446004
"""Half-width of a normal 80 % interval in standard deviations."""

CENTRES = {
    "roof": 8.0,
    "active": 3.0,
    "experts": 0.0,
    "flops": 7.5,
    "bandwidth": 1.7,
    "year": 2026.0,
    "size": 3.0,
    "prompt": 0.7,
    "context": 7.5,
}
"""Slopes turn around these values: log rate, log 1e9 parameters, log total/active, log TFLOPS, log TB/s,
decimal year, log2 accelerators, log(1 + input/output), log mean context in tokens."""

SPREAD = {
    "level": 0.2, "roof": 0.15, "active": 0.15, "experts": 0.6, "flops": 0.15, "bandwidth": 0.2, "year": 0.2,
    "size": 0.02, "model": 0.45, "model*scenario": 0.2, "model*year": 0.5, "model*precision": 0.08,
    "chip": 0.1, "family": 0.1, "vendor": 0.15, "chip*model": 0.15, "family*model": 0.07, "vendor*model": 0.07,
    "family*scenario": 0.12, "family*model*scenario": 0.07, "chip*model*scenario": 0.12, "family*year": 0.1,
    "software": 0.1, "lengths": 0.1, "model*lengths": 0.25, "family*lengths": 0.1, "family*model*lengths": 0.15,
    "prompt": 0.1, "context": 0.1, "model*prompt": 0.1, "model*context": 0.15, "family*context": 0.1,
}  # fmt: skip
"""Prior standard deviations of the effects in log rate."""
NOISE = 0.1
"""Repeated submissions of one configuration differ by about a tenth."""
OTHER_UNIT = 10.0
"""Level of models whose outputs are images or queries: not comparable, so left free."""
OTHER_LENGTHS = 0.15
"""Extra spread where request lengths or user speed are not the benchmark's."""
FACTOR_RANGE = (0.75, 1.6)
"""Narrower than cross-validation allows would trust that new rows resemble the old ones."""
REGIMES = ("row", "cell", "family", "model")


@dataclass(frozen=True)
class Situations:
    """Rows of conditions, as arrays of one length: labels (str) and numbers (float)."""

    labels: dict[str, np.ndarray]
    numbers: dict[str, np.ndarray]

    @classmethod
    def of(cls, rows: Sequence[dict[str, str | float]]) -> Situations:
        names = ("model", "chip", "family", "vendor", "scenario", "precision", "software", "unit", "lengths")
        labels = {n: np.array([str(r[n]) for r in rows]) for n in names}
        return cls(labels, {n: np.array([float(r[n]) for r in rows]) for n in (*CENTRES, "other_lengths")})

    def __len__(self) -> int:
        return len(self.labels["model"])


def covariance(a: Situations, b: Situations) -> np.ndarray:
    """(len(a), len(b)) prior covariance of log rate, noise excluded."""
    same = {n: a.labels[n][:, None] == b.labels[n][None, :] for n in a.labels}
    slope = {n: np.outer(a.numbers[n] - c, b.numbers[n] - c) for n, c in CENTRES.items()}
    out = np.full((len(a), len(b)), SPREAD["level"] ** 2)
    out += OTHER_UNIT**2 * (same["unit"] & (a.labels["unit"] != "tokens/s")[:, None])
    for effect, spread in SPREAD.items():
        if effect == "level":
            continue
        term: np.ndarray = np.ones_like(out)
        for part in effect.split("*"):
            term = term * (slope[part] if part in slope else same[part])
        out += spread**2 * term
    return out


class Fit:
    """The model conditioned on measured rows; ``predict`` gives mean and standard deviation of log rate."""

    def __init__(self, rows: Situations, log_rate: np.ndarray):
        self.rows, self.log_rate = rows, log_rate
        self.residual = log_rate - rows.numbers["roof"]
        own = NOISE**2 + (OTHER_LENGTHS * rows.numbers["other_lengths"]) ** 2
        self.precision = np.linalg.inv(covariance(rows, rows) + np.diag(own))
        self.weights = self.precision @ self.residual
        self.repeat_sd = self._repeat_sd()
        self.factor = {regime: spread_factor(*self.left_out(regime)) for regime in REGIMES}

    def predict(self, at: Situations) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Mean and standard deviation of log rate of a new measurement, and (len(at), rows) weights."""
        across = covariance(at, self.rows)
        share = across @ self.precision
        mean = at.numbers["roof"] + across @ self.weights
        own = np.diag(covariance(at, at)) + NOISE**2 + (OTHER_LENGTHS * at.numbers["other_lengths"]) ** 2
        variance = own - np.einsum("ij,ij->i", share, across)
        return mean, np.sqrt(np.maximum(variance, NOISE**2)), share

    def groups(self, regime: str) -> np.ndarray:
        """Group number of each row: rows of one group are left out together."""
        labels = self.rows.labels
        keys = {
            "row": np.arange(len(self.rows)).astype(str),
            "cell": np.char.add(np.char.add(labels["model"], "|"), labels["chip"]),
            "family": labels["family"],
            "model": labels["model"],
        }[regime]
        return np.unique(keys, return_inverse=True)[1]

    def left_out(self, regime: str) -> tuple[np.ndarray, np.ndarray]:
        """Error of log rate (measured minus predicted) and its standard deviation, each row's group left out.

        Closed form: for a group g, error = (P_gg)^-1 (P r)_g with covariance (P_gg)^-1, P the inverse
        covariance of all rows. Whole models in other units cannot be predicted and are left away.
        """
        number = self.groups(regime)
        error, sd = np.empty(len(number)), np.empty(len(number))
        for g in range(number.max() + 1):
            own = np.flatnonzero(number == g)
            block = np.linalg.inv(self.precision[np.ix_(own, own)])
            error[own], sd[own] = block @ self.weights[own], np.sqrt(np.diag(block))
        if regime == "model":
            keep = self.rows.labels["unit"] == "tokens/s"
            return error[keep], sd[keep]
        return error, sd

    def _repeat_sd(self) -> float:
        """Standard deviation of log rate among rows alike in model, chip, scenario, lengths, precision and round."""
        labels = self.rows.labels
        key = self.rows.numbers["year"].round(1).astype(str)
        for name in ("prompt", "context"):
            key = np.char.add(np.char.add(key, "|"), self.rows.numbers[name].round(2).astype(str))
        for name in ("model", "chip", "scenario", "precision"):
            key = np.char.add(np.char.add(key, "|"), labels[name])
        number = np.unique(key, return_inverse=True)[1]
        count = np.bincount(number)
        mean = np.bincount(number, self.log_rate) / count
        squares, freedom = ((self.log_rate - mean[number]) ** 2).sum(), (count - 1).sum()
        return float(np.sqrt((squares + NOISE**2) / (freedom + 1.0)))


def spread_factor(error: np.ndarray, sd: np.ndarray) -> float:
    """Factor on standard deviations that makes the central 80 % interval hold 80 % of the errors."""
    return float(np.clip(np.quantile(np.abs(error) / sd, 0.8) / Z80, *FACTOR_RANGE))
