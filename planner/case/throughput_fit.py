"""What the decoding step misses, learned from public measurements: a residual of log rate.

log(rate) = log(step with the parameters of ``serving_parameters``) + residual + noise

The residual is a Gaussian process, a sum of kernels (``SPREAD``) over what is alike: model, accelerator, its
generation, vendor, number format, kind of service, harness, log speed, log lengths and date. Kernels of *time* say
that every step takes longer or shorter: in log rate they count times the steepness of the curve there (a step 10 %
slower costs 10 % of the rate offline, 20 to 30 % where speed is wanted). Kernels of *rate* act on log rate itself.
There is no effect of a scenario's name: "server", "interactive" and "offline" stand for speeds. A prediction is a
weighted sum over the measurements; unseen models or chips fall back on vendor, generation and the step. Rows that
contradict all others weigh less (``noise``, Student's t with 4 degrees of freedom).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from planner.case.serving_step import Load

Z80 = 1.2815515655446004
"""Half-width of a normal 80 % interval in standard deviations."""

SPREAD: dict[tuple[str, str, str], float] = {
    ("service", "curve", "time"): 0.2, ("model service", "curve", "time"): 0.06, ("model", "level", "time"): 0.54,
    ("line", "level", "time"): 0.15, ("service", "level", "time"): 0.15, ("family", "level", "time"): 0.14,
    ("rack service", "level", "time"): 0.1, ("chip", "level", "time"): 0.04, ("family rack", "level", "time"): 0.04,
    ("model vendor", "year", "time"): 0.15, ("vendor", "year", "time"): 0.11,
    ("model service", "curve", "rate"): 0.66, ("harness", "curve", "rate"): 0.37,
    ("model harness", "curve", "rate"): 0.32, ("model family", "curve", "rate"): 0.2,
    ("family deployment", "curve", "rate"): 0.19, ("vendor service", "curve", "rate"): 0.12,
    ("precision", "curve", "rate"): 0.07, ("model service", "level", "rate"): 0.44,
    ("experts vendor", "level", "rate"): 0.25, ("family deployment", "level", "rate"): 0.15,
}  # fmt: skip
"""Prior standard deviations of the residual: what is alike, how it varies, and what it acts on."""
NOISE = 0.125
"""Scatter of single rows in log time of a step."""
CENTRE = {"speed": np.log(40.0), "prompt": np.log(2000.0), "answer": np.log(1000.0), "year": 2026.3}
REACH = {"speed": 0.8, "prompt": 1.0, "answer": 1.0}
"""Distances in logs over which a curve keeps its residual."""


@dataclass(frozen=True)
class Situations:
    """Rows of conditions: labels (str), logs of speed and lengths about their centres, year, load and steepness."""

    labels: dict[str, np.ndarray]
    speed: np.ndarray
    prompt: np.ndarray
    answer: np.ndarray
    year: np.ndarray
    load: Load
    steepness: np.ndarray

    @classmethod
    def of(
        cls, labels: dict[str, np.ndarray], load: Load, year: np.ndarray, steepness: np.ndarray
    ) -> Situations:
        logs = (np.log(x) for x in (load.speed, load.input_tokens, load.output_tokens))
        speed, prompt, answer = (
            x - CENTRE[n] for x, n in zip(logs, ("speed", "prompt", "answer"), strict=True)
        )
        return cls(labels, speed, prompt, answer, year - CENTRE["year"], load, steepness)

    def __len__(self) -> int:
        return len(self.speed)

    def key(self, names: str) -> np.ndarray:
        """One text a row for a grouping of labels, "" for none."""
        return joined([self.labels[n] for n in names.split()], len(self))


def joined(columns: Sequence[np.ndarray], n: int) -> np.ndarray:
    """Texts of several columns, one a row."""
    if not columns:
        return np.full(n, "")
    out = columns[0].astype(str)
    for column in columns[1:]:
        out = np.char.add(np.char.add(out, "|"), column.astype(str))
    return out


def varying(kind: str, a: Situations, b: Situations) -> np.ndarray | float:
    """(len(a), len(b)) similarity of one kind, labels left aside."""
    if kind == "level":
        return 1.0
    if kind == "curve":
        total = sum(
            (np.subtract.outer(getattr(a, n), getattr(b, n)) / reach) ** 2 for n, reach in REACH.items()
        )
        return np.asarray(np.exp(-0.5 * np.asarray(total)))
    return np.outer(a.year, b.year)


def kernels(
    a: Situations, b: Situations, spread: Mapping[tuple[str, str, str], float]
) -> dict[tuple[str, str, str], np.ndarray]:
    """(len(a), len(b)) similarity by kernel, before its prior variance."""
    shapes = {kind: varying(kind, a, b) for kind in dict.fromkeys(kind for _, kind, _ in spread)}
    acts = {"time": np.outer(a.steepness, b.steepness), "rate": 1.0}
    out, same = {}, {}
    for names, kind, on in spread:
        if names not in same:
            both = np.unique(np.concatenate([a.key(names), b.key(names)]), return_inverse=True)[1]
            same[names] = both[: len(a), None] == both[None, len(a) :]
        out[names, kind, on] = np.asarray(same[names] * shapes[kind] * acts[on])
    return out


def covariance(a: Situations, b: Situations) -> np.ndarray:
    """(len(a), len(b)) prior covariance of the residual, noise excluded."""
    out = np.zeros((len(a), len(b)))
    for key, similar in kernels(a, b, SPREAD).items():
        out += SPREAD[key] ** 2 * similar
    return out


NOBODY = np.zeros(0, int)
NEAR = ("line", "model service harness", "model service", "model")


def _members(keys: np.ndarray) -> dict[str, np.ndarray]:
    """Numbers of the rows of every key."""
    names, member = np.unique(keys, return_inverse=True)
    return {str(name): np.flatnonzero(member == i) for i, name in enumerate(names)}


def _summed(at_speeds: np.ndarray, at_prompts: np.ndarray) -> np.ndarray:
    """(speeds, prompts) sums over measured rows. The threads of a library wait longer than so small a product takes."""
    return np.asarray(np.einsum("sr,pr->sp", at_speeds, at_prompts))


class Fit:
    """The residual of measured rows: ``weights`` times covariance; ``noise`` is each row's variance factor.

    ``residual`` is what the step leaves over, computed only where it is needed; known weights spare it.
    """

    def __init__(
        self,
        rows: Situations,
        residual: Callable[[], np.ndarray],
        noise: np.ndarray,
        weights: np.ndarray | None = None,
    ):
        self.rows, self.residual, self.noise = rows, residual, noise
        self.weights = self.inverse() @ residual() if weights is None else weights
        self._alike = {names: _members(rows.key(names)) for names in {*NEAR, *(n for n, _, _ in SPREAD)}}

    def inverse(self) -> np.ndarray:
        """Inverse of the covariance of the measured rows."""
        own = covariance(self.rows, self.rows)
        own[np.diag_indices(len(own))] += (NOISE * self.rows.steepness) ** 2 * self.noise
        return np.asarray(np.linalg.inv(own))

    def surface(
        self,
        labels: Mapping[str, str],
        speed: np.ndarray,
        prompt: np.ndarray,
        answer: float,
        year: float,
        steepness: np.ndarray,
    ) -> np.ndarray:
        """(speeds, prompts) residual of one set of labels on a grid of logs about their centres."""
        r = self.rows
        near = np.exp(-0.5 * ((answer - r.answer) / REACH["answer"]) ** 2)
        fast = np.exp(-0.5 * (np.subtract.outer(speed, r.speed) / REACH["speed"]) ** 2)
        long = np.exp(-0.5 * (np.subtract.outer(prompt, r.prompt) / REACH["prompt"]) ** 2)
        acts = {"time": steepness, "rate": np.ones_like(steepness)}
        level = dict.fromkeys(acts, 0.0)
        curves = {on: np.zeros(len(r)) for on in acts}
        for (names, kind, on), s in SPREAD.items():
            alike = self._alike[names].get("|".join(labels[n] for n in names.split()), NOBODY)
            own = s**2 * self.weights[alike] * (r.steepness[alike] if on == "time" else 1.0)
            if kind == "curve":
                curves[on][alike] += own
            else:
                level[on] += float((own * (year * r.year[alike] if kind == "year" else 1.0)).sum())
        parts = [act * (level[on] + _summed(fast * (curves[on] * near), long)) for on, act in acts.items()]
        return np.asarray(parts[0] + parts[1])

    def evidence(
        self, labels: Mapping[str, str], speed: np.ndarray, prompt: np.ndarray, answer: float
    ) -> np.ndarray:
        """(speeds, prompts) measurements near each point of a grid: of the line, else of the model in such a service."""
        r = self.rows
        found = (self._alike[names].get("|".join(labels[n] for n in names.split()), NOBODY) for names in NEAR)
        own = next((rows for rows in found if len(rows)), NOBODY)
        near = np.exp(-0.5 * ((answer - r.answer[own]) / REACH["answer"]) ** 2)
        fast, long = (
            np.exp(-2.0 * (np.subtract.outer(at, rows[own]) / REACH[name]) ** 2)
            for at, rows, name in ((speed, r.speed, "speed"), (prompt, r.prompt, "prompt"))
        )
        return _summed(fast * near, long)

    def nearest(self, at: Situations, n: int = 3) -> np.ndarray:
        """Numbers of the rows most alike to the first of ``at``: by model, chip and vendor, then speed and length."""
        r = self.rows
        alike = sum(
            4**i * (r.labels[name] == at.labels[name][0])
            for i, name in enumerate(("vendor", "chip", "model"))
        )
        apart = np.abs(r.speed - at.speed[0]) + np.abs(r.prompt - at.prompt[0])
        return np.lexsort((apart, -np.asarray(alike)))[:n]

    def left_out(self, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Error of log rate and its standard deviation, rows of each group left out together.

        Closed form: error = (P_gg)^-1 (P r)_g with covariance (P_gg)^-1, P the inverse covariance of all rows.
        The parameters of the step stay as they are.
        """
        precision = self.inverse()
        weights = precision @ self.residual()
        error, sd = np.empty(len(group)), np.empty(len(group))
        for g in np.unique(group):
            own = np.flatnonzero(group == g)
            block = np.linalg.inv(precision[np.ix_(own, own)])
            error[own], sd[own] = block @ weights[own], np.sqrt(np.diag(block))
        return error, sd


def settled(fit: Fit, least: np.ndarray, rounds: int = 3) -> Fit:
    """The fit with the noise of rows that contradict the others raised; ``least``: factors to begin with."""
    for _ in range(rounds):
        error, sd = fit.left_out(np.arange(len(fit.rows)))
        variance = sd**2 + (NOISE * fit.rows.steepness) ** 2 * (least - fit.noise)
        odd = error**2 / np.maximum(variance, 1e-9)
        fit = Fit(fit.rows, fit.residual, least * np.clip((4.0 + odd) / 5.0, 1.0, 200.0))
    return fit
