"""The fits behind serving rates: the decoding step from step times, the residual from rates, errors left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from planner.case.serving_rows import loads, measured_rows, years
from planner.case.serving_step import PARAMETERS, Load, Step, log_rate, steepness
from planner.case.step_parameters import STEP_EFFECTS, StepParameters
from planner.case.throughput_fit import Fit, Situations, covariance, settled
from planner.facts.catalog import Catalog

CENTRE = {
    "slowness": 0.0, "launch": np.log(20e-6), "exchange": np.log(0.6), "weights": np.log(0.75), "cache": np.log(0.7),
    "prefill": np.log(0.4), "decode": np.log(0.4), "accepted": np.log(2.0), "verified": np.log(2.2),
    "handling": np.log(0.4e-6),
}  # fmt: skip
"""Prior of the common parameters: what profiles of serving usually show."""
DOUBT = {
    "launch": 0.7, "exchange": 0.5, "weights": 0.15, "cache": 0.25, "prefill": 0.4, "decode": 0.5,
    "accepted": 0.15, "verified": 0.2, "handling": 1.0,
}  # fmt: skip
EFFECT_DOUBT = {
    ("slowness", "vendor"): 0.3, ("slowness", "generation"): 0.1, ("slowness", "precision"): 0.15,
    ("launch", "vendor"): 0.3, ("launch", "experts"): 0.4, ("launch", "generation"): 0.15,
    ("launch", "precision"): 0.15, ("weights", "vendor"): 0.2, ("weights", "experts"): 0.3, ("cache", "vendor"): 0.3,
    ("prefill", "vendor"): 0.3, ("prefill", "experts"): 0.4, ("decode", "vendor"): 0.4, ("decode", "experts"): 1.0,
    ("decode", "precision"): 0.3, ("handling", "experts"): 1.0,
}  # fmt: skip
BASE = {"vendor": "nvidia", "experts": "dense", "precision": "fp8", "generation": "blackwell"}
"""Groups that the common values stand for: the others deviate from them."""
OWN_DOUBT = {"model": 0.2, "model chip": 0.12}
"""Slowness of single models and pairs, so that they do not pass for properties of the step; dropped."""
SCATTER, TAIL = 0.12, 3.0
"""Scatter of log time of a step, and degrees of freedom of its Student's t."""
DOUBTFUL = 20.0
"""Variance factor of rows beaten in speed and rate by another of the same line, which is not what the software
reaches, and of rates derived with assumed figures."""
NUDGE = 0.01


@dataclass(frozen=True)
class Data:
    """Measured rows, as a table and as the fits take them; ``text``: counted in tokens of text;
    ``doubtful``: what ``DOUBTFUL`` says."""

    rows: pd.DataFrame
    labels: dict[str, np.ndarray]
    load: Load
    year: np.ndarray
    log_rate: np.ndarray
    text: np.ndarray
    doubtful: np.ndarray

    def __len__(self) -> int:
        return len(self.log_rate)

    def part(self, keep: np.ndarray) -> Data:
        """The rows of a mask."""
        n = len(self)
        arrays = {k: v[keep] for k, v in vars(self.load).items() if isinstance(v, np.ndarray) and len(v) == n}
        return Data(
            self.rows[keep].reset_index(drop=True), {k: v[keep] for k, v in self.labels.items()},
            replace(self.load, **arrays), self.year[keep], self.log_rate[keep], self.text[keep], self.doubtful[keep],
        )  # fmt: skip

    def at(self, parameters: StepParameters) -> Situations:
        """As the residual takes them."""
        steep = steepness(self.load, parameters.theta(self.labels))
        return Situations.of(self.labels, self.load, self.year, steep)


def read(catalog: Catalog) -> Data:
    """All measurements of a catalog."""
    rows = measured_rows(catalog)
    kinds = catalog.table("models")["kind"]
    text = (rows["model"].map(kinds) == "text").to_numpy()
    labels, load = loads(catalog, rows)
    doubtful = dominated(rows) | rows["estimated"].to_numpy(bool)
    return Data(rows, labels, load, years(rows), np.log(rows["rate"].to_numpy(float)), text, doubtful)


def dominated(rows: pd.DataFrame) -> np.ndarray:
    """Rows that another of the same model, chip, lengths and service beats in speed and, by 2 %, in rate."""
    out = np.zeros(len(rows), bool)
    same = ["model", "chip", "input_tokens", "output_tokens", "speculative", "split", "precision", "harness"]
    for _, own in rows.groupby(same):
        speed, rate = own["speed"].to_numpy(float), own["rate"].to_numpy(float)
        beaten = (speed[None, :] >= 0.999 * speed[:, None]) & (rate[None, :] >= 1.02 * rate[:, None])
        out[rows.index.get_indexer(own.index)] = beaten.any(1)
    return out


class StepFit:
    """Parameters of the step from its times: runs whose requests in flight and accelerators a replica are known.

    Robust least squares with normal priors (Gauss-Newton, damped). How many requests fit and which group serves best
    plays no part here, so the parameters keep their physical meaning.
    """

    def __init__(self, data: Data):
        known = data.rows["concurrency"].notna().to_numpy() & ~data.load.split
        self.data = data.part(data.text & ~data.doubtful & known)
        rows = self.data.rows
        self.requests = rows["concurrency"].to_numpy(float)
        served = self.requests * rows["speed"].to_numpy(float) / rows["rate"].to_numpy(float)
        self.group = 2.0 ** np.round(np.log2(0.97 * served))
        self.log_seconds = -np.log(rows["speed"].to_numpy(float))
        columns = [(p, "all", "all", doubt, np.ones(len(rows))) for p, doubt in DOUBT.items()]
        effects = [(p, e, EFFECT_DOUBT[p, e]) for p, own in STEP_EFFECTS.items() for e in own]
        for parameter, effect, doubt in [*effects, *(("slowness", e, d) for e, d in OWN_DOUBT.items())]:
            label = self.label(effect)
            columns += [
                (parameter, effect, str(g), doubt, (label == g).astype(float))
                for g in np.unique(label)
                if g != BASE.get(effect)
            ]
        self.names = [c[:3] for c in columns]
        self.owner = np.array([c[0] for c in columns])
        self.doubt = np.array([c[3] for c in columns])
        self.design = np.array([c[4] for c in columns]).T

    def label(self, effect: str) -> np.ndarray:
        labels = self.data.labels
        return np.array(["|".join(x) for x in zip(*(labels[n] for n in effect.split()), strict=True)])

    def theta(self, beta: np.ndarray) -> dict[str, np.ndarray]:
        return {p: CENTRE[p] + self.design[:, self.owner == p] @ beta[self.owner == p] for p in PARAMETERS}

    def predicted(self, theta: Mapping[str, np.ndarray]) -> np.ndarray:
        """Log seconds a token of every row."""
        step = Step(self.data.load, theta, self.group[None, :])
        return np.asarray(np.log(step.seconds(self.requests)[0] / step.tau))

    def run(self, start: StepParameters | None = None, rounds: int = 15) -> StepParameters:
        """The parameters; from known ones a few rounds suffice."""
        beta = np.zeros(len(self.owner))
        if start is not None:
            common = [CENTRE[p] if e == "all" else 0.0 for p, e, _ in self.names]
            beta = (
                np.array([start.values.get(n, c) for n, c in zip(self.names, common, strict=True)]) - common
            )
        for _ in range(rounds):
            error, slopes = self._linear(self.theta(beta))
            weight = (TAIL + 1.0) / (TAIL + (error / SCATTER) ** 2) / SCATTER**2
            normal = (slopes * weight[:, None]).T @ slopes + np.diag(self.doubt**-2.0)
            step = np.linalg.solve(normal, slopes.T @ (weight * error) - beta / self.doubt**2)
            loss = self._loss(beta)
            size = next((s for s in (1.0, 0.5, 0.25, 0.1) if self._loss(beta + s * step) < loss), 0.0)
            beta = beta + size * step
            if np.abs(size * step).max() < 0.003:
                break
        values = {
            n: round(float(b) + (CENTRE[n[0]] if n[1] == "all" else 0.0), 2)
            for n, b in zip(self.names, beta, strict=True)
            if n[1] not in OWN_DOUBT
        }
        return StepParameters(values, frozenset(self.data.labels["vendor"]))

    def _linear(self, theta: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        slopes = np.zeros_like(self.design)
        for p in PARAMETERS:
            up, down = (self.predicted({**theta, p: theta[p] + s * NUDGE}) for s in (1.0, -1.0))
            slopes[:, self.owner == p] = (
                self.design[:, self.owner == p] * ((up - down) / (2 * NUDGE))[:, None]
            )
        return self.log_seconds - self.predicted(theta), slopes

    def _loss(self, beta: np.ndarray) -> float:
        error = self.log_seconds - self.predicted(self.theta(beta))
        tail = 0.5 * (TAIL + 1.0) * np.log1p((error / SCATTER) ** 2 / TAIL)
        return float(tail.sum() + 0.5 * ((beta / self.doubt) ** 2).sum())


def with_levels(data: Data, parameters: StepParameters) -> StepParameters:
    """Adds the level of every model whose rates are not tokens of text: the median of its rows."""
    missed = data.log_rate - log_rate(data.load, parameters.theta(data.labels))
    names = data.labels["model"]
    own = {
        ("level", "model", str(m)): round(float(np.median(missed[names == m])), 4)
        for m in np.unique(names[~data.text])
    }
    return replace(parameters, values={**parameters.values, **own}, vendors=frozenset(data.labels["vendor"]))


@dataclass(frozen=True)
class Fitted:
    """Everything fitted to some measurements."""

    parameters: StepParameters
    fit: Fit

    def predict(self, data: Data) -> np.ndarray:
        """Log rate of other rows, before rules of order."""
        base = log_rate(data.load, self.parameters.theta(data.labels))
        base = base + self.parameters.level(data.labels["model"])
        return np.asarray(base + covariance(data.at(self.parameters), self.fit.rows) @ self.fit.weights)


def fitted(data: Data, start: Fitted | None = None, noise: np.ndarray | None = None) -> Fitted:
    """Step and residual of some measurements; ``start`` and ``noise``: from the fit of more rows."""
    step = StepFit(data)
    parameters = step.run() if start is None else step.run(start.parameters, rounds=4)
    parameters = with_levels(data, parameters)
    missed = data.log_rate - log_rate(data.load, parameters.theta(data.labels))
    missed = missed - parameters.level(data.labels["model"])
    at = data.at(parameters)
    if noise is not None:
        return Fitted(parameters, Fit(at, lambda: missed, noise))
    least = np.where(data.doubtful, DOUBTFUL, 1.0)
    return Fitted(parameters, settled(Fit(at, lambda: missed, least), least))


def left_out(data: Data, whole: Fitted, groups: np.ndarray, refit: bool) -> np.ndarray:
    """log(measured / predicted) of every row, the rows of its group left out; NaN where hardly any row would be left.

    ``refit``: the step is fitted anew without the group; else the residual only, in closed form.
    """
    if not refit:
        return whole.fit.left_out(groups)[0]
    out = np.full(len(data), np.nan)
    for group in np.unique(groups):
        gone = groups == group
        if gone.mean() < 0.75:
            rest = fitted(data.part(~gone), whole, whole.fit.noise[~gone])
            out[gone] = data.log_rate[gone] - rest.predict(data.part(gone))
    return out
