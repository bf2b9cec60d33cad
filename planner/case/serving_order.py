"""Serving rates as surfaces over speed and prompt length that keep the rules of order.

A surface is the decoding step plus the fitted residual on a grid, made never rising with speed or prompt length
(mean of the nearest surfaces above and below that are), then set among accelerators: never below one of the same
vendor that it beats or equals in every peak, memory and bandwidth; one that nobody measured never above a measured
one that beats it so. Values between the points of the grid are interpolated in logs, which keeps the order.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from planner.case.conditions import Service, split_on, usual_precision, year_of
from planner.case.roofline import ChipSpec, chip_spec, peak
from planner.case.serving_rows import labels_of, load_of, loads, measured_rows, years
from planner.case.serving_step import (
    SPEEDS,
    Load,
    exact_log_rate,
    fastest,
    first_token_s,
    log_rate,
    steepness,
)
from planner.case.step_parameters import StepParameters, step_parameters
from planner.case.throughput_fit import CENTRE, NOISE, Fit, Situations
from planner.facts.catalog import Catalog

STEP = SPEEDS[-1][0] / 2.0
PAD = 3
"""Points of the grid on either side that only serve the average over speeds and its slope."""
SPEED = 0.5 * np.exp(STEP * np.arange(-PAD, 36 + PAD))
KNOWN = 0.3
"""Measurements near a point of the grid from which it is known."""
PROMPT = 1024.0 * 8.0 ** (np.arange(-4, 8) / 2.0)


@dataclass(frozen=True)
class Book:
    """Measurements of a catalog and the fit to them."""

    parameters: StepParameters
    fit: Fit
    chips: frozenset[str]

    @property
    def left_out_rows(self) -> tuple[np.ndarray, np.ndarray]:
        """Error of log rate of every row left out, and the standard deviation of a row that nothing contradicts.

        Results by scenario come first.
        """
        error, sd = self.fit.left_out(np.arange(len(self.fit.rows)))
        scatter = (NOISE * self.fit.rows.steepness) ** 2
        return error, np.sqrt(np.maximum(sd**2 - scatter * (self.fit.noise - 1.0), scatter))


@lru_cache(maxsize=8)
def book(catalog: Catalog) -> Book:
    """The fit of a catalog: its stored weights where they belong to its rows, else weights found anew."""
    rows = measured_rows(catalog)
    labels, load = loads(catalog, rows)
    parameters = step_parameters(catalog, frozenset(labels["vendor"]))
    rate = np.log(rows["rate"].to_numpy(float))
    stored = catalog.table("serving_weights").reindex(rows["row_id"])
    noise = stored["noise"].astype(float).fillna(1.0).to_numpy()
    same = len(stored) == len(catalog.table("serving_weights"))
    same = same and bool(np.allclose(stored["log_rate"].to_numpy(float, na_value=np.nan), rate, atol=2e-4))
    weights = stored["weight"].to_numpy(float) if same else None
    theta = parameters.theta(labels)
    steep = stored["steepness"].to_numpy(float) if same else steepness(load, theta)

    def missed() -> np.ndarray:
        return np.asarray(rate - log_rate(load, theta) - parameters.level(rows["model"]))

    at = Situations.of(labels, load, years(rows), steep)
    return Book(parameters, Fit(at, missed, noise, weights), frozenset(rows["chip"]))


@lru_cache(maxsize=8)
def _chips(catalog: Catalog) -> dict[str, ChipSpec]:
    """Accelerators whose peaks, memory and bandwidth are known."""
    table = catalog.table("accelerators")
    known = table[["bf16_dense_tflops", "hbm_tb_s", "usable_mem_gb"]].notna().all(axis=1)
    return {str(k): chip_spec(catalog, str(k)) for k in table.index[known]}


def dominates(a: ChipSpec, b: ChipSpec) -> bool:
    """Whether ``a`` has at least the peaks, memory and bandwidth of ``b``."""
    own, other = (
        (*(peak(c, f) for f in ("bf16", "fp8", "fp4")), c.memory_gb, c.bandwidth_tb_s) for c in (a, b)
    )
    return all(x >= y for x, y in zip(own, other, strict=True))


def _measured(catalog: Catalog, service: Service) -> frozenset[str]:
    """Accelerators measured with the model by the harness asked for; else with the model; else at all."""
    rows = measured_rows(catalog)
    own = rows["model"] == service.model.model_id
    for keep in (own & (rows["harness"] == service.harness), own):
        if keep.any():
            return frozenset(rows.loc[keep, "chip"])
    return book(catalog).chips


@lru_cache(maxsize=512)
def surface(catalog: Catalog, service: Service, accelerator: str) -> np.ndarray:
    """(speeds, prompts) log rate of one accelerator, rules of order kept, without the pads of ``SPEED``."""
    chips, measured = _chips(catalog), _measured(catalog, service)
    own = chips[accelerator]
    above = [] if accelerator in measured else [k for k in measured if dominates(chips[k], own)]
    tops = [accelerator, *above]
    below = {
        t: [k for k in chips if chips[k].vendor == chips[t].vendor and dominates(chips[t], chips[k])]
        for t in tops
    }
    names = sorted({k for t in tops for k in below[t] if t == accelerator or k in measured})
    plain = {k: _plain(catalog, service, chips[k]) for k in names}

    def floor(top: str) -> np.ndarray:
        return np.asarray(np.maximum.reduce([plain[k] for k in below[top] if k in measured or k == top]))

    if accelerator in measured:
        return floor(accelerator)
    caps = [floor(k) for k in above]

    def capped(name: str) -> np.ndarray:
        return np.asarray(np.minimum.reduce([plain[name], *caps]))

    best = [plain[k] if k in measured else capped(k) for k in below[accelerator]]
    return np.asarray(np.maximum.reduce(best))


def _labels(service: Service, chips: list[ChipSpec], precision: list[str]) -> dict[str, np.ndarray]:
    """Labels of a service on some accelerators."""
    n = len(chips)
    split = [split_on(service, c) for c in chips]
    return labels_of(
        [service.model] * n, chips, precision, [service.speculative] * n, split, [service.harness] * n,
    )  # fmt: skip


def _precisions(catalog: Catalog, service: Service, chips: list[ChipSpec]) -> list[str]:
    return [service.precision or usual_precision(catalog, service.model, c) for c in chips]


@lru_cache(maxsize=2048)
def _plain(catalog: Catalog, service: Service, chip: ChipSpec) -> np.ndarray:
    """(speeds, prompts) log rate of one accelerator for itself, never rising along speeds and prompts."""
    held = book(catalog)
    shape = (len(SPEED), len(PROMPT))
    precision = _precisions(catalog, service, [chip])
    labels = _labels(service, [chip], precision)
    theta = held.parameters.theta(labels)
    prompt, speed = (np.broadcast_to(x, shape).ravel() for x in (PROMPT[None, :], SPEED[:, None]))
    load = _load(service, [chip], precision, labels, np.zeros(len(prompt), int), prompt, speed)
    mean, steep = _averaged(exact_log_rate(load, theta).reshape(shape))
    own = {k: str(v[0]) for k, v in labels.items()}
    year = year_of(catalog, service, chip) - CENTRE["year"]
    answer = float(np.log(service.output_tokens) - CENTRE["answer"])
    logs = np.log(SPEED[PAD:-PAD]) - CENTRE["speed"], np.log(PROMPT) - CENTRE["prompt"]
    residual = held.fit.surface(own, *logs, answer, year, steep)
    known = held.fit.evidence(own, *logs, answer) >= KNOWN
    return falling(mean + held.parameters.level([service.model.model_id])[0] + residual, known)


def _averaged(fine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log rate averaged over ``SPEEDS``, and its steepness, without the pads: as ``log_rate`` and ``steepness``."""
    n = len(fine)
    mean = sum(w * fine[2 + i : n - 2 + i] for i, (_, w) in zip((-2, 0, 2), SPEEDS, strict=True))
    values = np.asarray(mean)
    return values[1:-1], 1.0 + (values[:-2] - values[2:]) / (2.0 * STEP)


def falling(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Surface near ``values`` that never rises along either axis; where it is ``known``, the rest does not move it."""
    if not known.any():
        return _between(values)
    core = _between(values, known)
    most = _least_before(np.where(known, core, np.inf))
    least = -_least_before(-np.where(known, core, -np.inf)[::-1, ::-1])[::-1, ::-1]
    return _between(np.clip(values, least, most))


def _between(values: np.ndarray, among: np.ndarray | bool = True) -> np.ndarray:
    """Mean of the least surface above and the greatest below that never rise along either axis."""
    below = _least_before(np.where(among, values, np.inf))
    above = -_least_before(-np.where(among, values, -np.inf)[::-1, ::-1])[::-1, ::-1]
    with np.errstate(invalid="ignore"):  # nothing known on either side
        return np.asarray(np.where(among, (below + above) / 2.0, 0.0))


def _least_before(values: np.ndarray) -> np.ndarray:
    """Least value at most as far along both axes."""
    return np.asarray(np.minimum.accumulate(np.minimum.accumulate(values, axis=0), axis=1))


def _load(
    service: Service,
    chips: list[ChipSpec],
    precision: list[str],
    labels: dict[str, np.ndarray],
    rows: np.ndarray,
    prompt: np.ndarray,
    speed: np.ndarray,
) -> Load:
    """Load of rows that number chips."""
    n = len(chips)
    one = load_of([service.model] * n, chips, precision, labels, np.ones(n), np.ones(n), np.ones(n))
    arrays = {k: v[rows] for k, v in vars(one).items() if isinstance(v, np.ndarray)}
    own = {"input_tokens": prompt, "speed": speed, "output_tokens": np.full(len(rows), service.output_tokens)}
    return Load(
        **(arrays | own), hit=service.hit, ttft_s=service.ttft_s, most_group=service.most_group,
        group=service.group, requests=service.requests,
    )  # fmt: skip


def interpolated(values: np.ndarray, speed: float, prompt: float) -> tuple[float, float]:
    """Log rate at a speed and prompt length, and its slope in log speed; the grid's ends hold beyond it."""
    grid = np.log(SPEED[PAD:-PAD])
    at = np.clip((np.log(speed) - grid[0]) / STEP, 0.0, len(grid) - 1.0001)
    along = np.clip(np.log(prompt / PROMPT[0]) / np.log(PROMPT[1] / PROMPT[0]), 0.0, len(PROMPT) - 1.0001)
    i, j = int(at), int(along)
    corner = values[i : i + 2, j : j + 2] @ np.array([1.0 - (along - j), along - j])
    return float(corner[0] + (at - i) * (corner[1] - corner[0])), float((corner[1] - corner[0]) / STEP)


@dataclass(frozen=True)
class Reach:
    """What an accelerator reaches with a prompt: tokens/s of one user, seconds to the first token."""

    accelerator: str
    speed: float
    ttft_s: float


@lru_cache(maxsize=256)
def reach(catalog: Catalog, service: Service, prompt: float) -> list[Reach]:
    """The reach of every accelerator that holds the model; at most ``GROUPS`` of them serve together."""
    chips = list(_chips(catalog).values())
    n, precision = len(chips), _precisions(catalog, service, chips)
    labels = _labels(service, chips, precision)
    load = _load(service, chips, precision, labels, np.arange(n), np.full(n, prompt), np.ones(n))
    theta = book(catalog).parameters.theta(labels)
    seen = _fastest_measured(catalog, service.model.model_id, service.speculative)
    found = zip(chips, fastest(load, theta), first_token_s(load, theta), strict=True)
    return [
        Reach(c.accelerator_id, max(float(v), seen.get(c.accelerator_id, 0.0)), float(t))
        for c, v, t in found
        if v > 0
    ]


@lru_cache(maxsize=256)
def _fastest_measured(catalog: Catalog, model: str, speculative: bool) -> dict[str, float]:
    """Highest speed a user saw in any measurement of a model, by accelerator."""
    rows = measured_rows(catalog)
    rows = rows[(rows["model"] == model) & (rows["speculative"] == speculative)]
    return {str(k): float(v) for k, v in rows.groupby("chip")["speed"].max().items()}


def at(catalog: Catalog, service: Service, chip: ChipSpec, prompt: float, speed: float) -> Situations:
    """One row of the fit for a question."""
    precision = _precisions(catalog, service, [chip])
    labels = _labels(service, [chip], precision)
    load = _load(service, [chip], precision, labels, np.zeros(1, int), np.array([prompt]), np.array([speed]))
    steep = steepness(load, book(catalog).parameters.theta(labels))
    return Situations.of(labels, load, np.array([year_of(catalog, service, chip)]), steep)
