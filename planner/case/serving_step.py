"""One decoding step of a serving replica: what arithmetic, memory traffic, cache, prompts and launches allow.

For g accelerators and b requests in flight a step takes

    t(b) = s [ h L (1 + c log2 g) + W(b) / (eta_w B g)
               + b ( r L + x 2A / (eta_d F g) + (I + O/2) k / (eta_k B g) + tau (1 - hit) I/O 2A / (eta_p F g) ) ]

L layers, A active parameters, F peak at the format served, B bandwidth, k bytes of cache a token, I and O tokens in
and out, r handling of a request in a layer, W(b) bytes of weights touched: all of a dense model; of a mixture of
experts active + (total - active)(1 - exp(-x b active/total)). Speculative decoding accepts tau tokens a step for x
times the arithmetic. b is the largest that memory and t <= tau / speed allow; the rate is the best over g of
b tau / (t g). Below ``LEAST_REQUESTS`` in flight nobody serves: where even those are too slow, the rate falls
with the square root of the speed still missing. The logarithm is averaged over a spread of speeds (``SPEEDS``),
since published speeds are not exact and the curve is steep at its end.
Units: tokens/s, seconds, 1e9 parameters, GB = 1e9 bytes, TFLOPS, TB/s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

GROUPS = (1, 2, 4, 8, 16, 32, 64)
USUAL_GROUP = 8
"""Larger groups serve only what does not fit, or prefill and decode on separate accelerators."""
LEAST_REQUESTS = 4.0
FALL = 0.5
MEMORY_FOR_USE = 0.9
OVERHEAD_GB = 2.0
MOST_REQUESTS_PER_ACCELERATOR = 1024.0
REQUEST_OVERHEAD_BYTES = 1e6
SPEEDS = ((-0.42, 0.25), (0.0, 0.5), (0.42, 0.25))
"""Log distance and weight of the speeds averaged: a spread of 0.3."""
QUEUE = 2.0
"""The first token waits about as long in the queue as its own prompt takes: by judgement."""
ROUNDS = 9
"""Newton steps to the largest batch: a step's time is concave in it, so they close in from below."""
PARAMETERS = (
    "slowness", "launch", "exchange", "weights", "cache", "prefill", "decode", "accepted", "verified", "handling",
)  # fmt: skip
"""s, h, c, eta_w, eta_k, eta_p, eta_d, tau, x and r, in logs."""


@dataclass(frozen=True)
class Load:
    """What is served on what, arrays of one length (or that broadcast to it)."""

    total_b: np.ndarray
    active_b: np.ndarray
    layers: np.ndarray
    cache_bytes: np.ndarray
    bytes_per_param: np.ndarray
    tflops: np.ndarray
    memory_gb: np.ndarray
    bandwidth_tb_s: np.ndarray
    input_tokens: np.ndarray
    output_tokens: np.ndarray
    speed: np.ndarray
    speculative: np.ndarray
    split: np.ndarray
    hit: float = 0.0
    ttft_s: float | None = None
    most_group: int | None = None
    group: int | None = None
    requests: float | None = None

    @property
    def experts(self) -> np.ndarray:
        return np.asarray(self.active_b < 0.9 * self.total_b)


Theta = Mapping[str, np.ndarray | float]


class Step:
    """The step of every row in every group: arrays (groups, rows); ``groups``: sizes, by row or for all."""

    def __init__(self, load: Load, theta: Theta, groups: np.ndarray | None = None):
        self.load = load
        sizes = np.array([load.group] if load.group else GROUPS, float)[:, None]
        g = self.g = sizes if groups is None else groups
        self.tau = np.where(load.speculative, np.exp(theta["accepted"]), 1.0)
        x = np.where(load.speculative, np.exp(theta["verified"]), 1.0)
        s = np.exp(theta["slowness"])
        bandwidth, flops = load.bandwidth_tb_s * 1e12 * g, load.tflops * 1e12 * g
        work = 2e9 * load.active_b
        context = load.input_tokens + load.output_tokens / 2.0
        self.prefill_s = s * (1.0 - load.hit) * load.input_tokens * work / (np.exp(theta["prefill"]) * flops)
        self.fixed = (
            s * np.exp(theta["launch"]) * load.layers * (1.0 + np.exp(theta["exchange"]) * np.log2(g))
        )
        self.each = s * np.exp(theta["handling"]) * load.layers
        self.each = self.each + s * x * work / (np.exp(theta["decode"]) * flops)
        self.each = self.each + s * context * load.cache_bytes / (np.exp(theta["cache"]) * bandwidth)
        self.each = self.each + self.tau * self.prefill_s / load.output_tokens
        self.touch = s * load.bytes_per_param * 1e9 / (np.exp(theta["weights"]) * bandwidth)
        self.share = x * load.active_b / load.total_b
        self.unread = np.where(load.experts, load.total_b - load.active_b, 0.0)

    def seconds(self, b: np.ndarray | float) -> np.ndarray:
        """Seconds of a step with b requests in flight."""
        touched = self.load.total_b - self.unread * np.exp(-b * self.share)
        return np.asarray(self.fixed + touched * self.touch + b * self.each)

    def batches(self) -> tuple[np.ndarray, np.ndarray]:
        """Whether each group may serve, and the most requests its memory holds."""
        load = self.load
        weights = 1.02 * load.total_b * load.bytes_per_param
        free = MEMORY_FOR_USE * load.memory_gb * self.g - weights - OVERHEAD_GB * self.g
        fits = self._allowed(free > 0)
        held = load.cache_bytes * (load.input_tokens + load.output_tokens) + REQUEST_OVERHEAD_BYTES
        most = np.minimum(free * 1e9 / held, MOST_REQUESTS_PER_ACCELERATOR * self.g)
        most = np.minimum(most, load.requests) if load.requests else most
        return fits, np.where(fits, np.maximum(most, 1e-9), 1e-9)

    def _allowed(self, fits: np.ndarray) -> np.ndarray:
        """Groups that hold the model, of the sizes asked for and fast enough for the first token."""
        load = self.load
        largest = (
            np.where(load.split, GROUPS[-1], USUAL_GROUP) if load.most_group is None else load.most_group
        )
        usual = (self.g <= largest) & fits
        out = np.where(usual.any(0), usual, fits)
        if load.ttft_s is not None:
            quick = out & (QUEUE * self.prefill_s <= load.ttft_s)
            last = out & (self.g == np.max(np.where(out, self.g, 0.0), axis=0))
            out = np.where(quick.any(0), quick, last)
        return np.asarray(out)

    def batch(self, limit: np.ndarray, most: np.ndarray) -> np.ndarray:
        """Most requests in flight within memory and the time of a step; 0 where even none keep it."""
        b = np.zeros_like(most + limit)
        for _ in range(ROUNDS):
            left = self.unread * np.exp(-b * self.share)
            taken = self.fixed + (self.load.total_b - left) * self.touch + b * self.each
            b = b + (limit - taken) / (left * self.share * self.touch + self.each)
            b = np.clip(b, 0.0, most)
        return np.asarray(b)

    def rate(self, speed: np.ndarray) -> np.ndarray:
        """Best output tokens/s of one accelerator; 0 where no group holds the model."""
        fits, most = self.batches()
        limit = self.tau / speed
        b = self.batch(limit, most)
        rate = b * self.tau / np.maximum(self.seconds(b), 1e-12) / self.g
        few = np.minimum(LEAST_REQUESTS, most)
        alone = self.seconds(few)
        slow = few * self.tau / alone / self.g * (limit / alone) ** FALL
        rate = np.where(alone > limit, slow, rate)
        return np.asarray(np.where(fits, rate, 0.0).max(0))


def exact_log_rate(load: Load, theta: Theta) -> np.ndarray:
    """Log of output tokens/s of one accelerator at exactly ``load.speed``; very low where nothing fits."""
    return np.asarray(np.log(np.maximum(Step(load, theta).rate(load.speed), 1e-9)))


def log_rate(load: Load, theta: Theta) -> np.ndarray:
    """``exact_log_rate``, averaged over ``SPEEDS``."""
    step = Step(load, theta)
    mean: np.ndarray | float = 0.0
    for distance, weight in SPEEDS:
        mean = mean + weight * np.log(np.maximum(step.rate(load.speed * np.exp(distance)), 1e-9))
    return np.asarray(mean)


def at_speed(load: Load, factor: float) -> Load:
    """The load at other speeds."""
    return replace(load, speed=load.speed * factor)


def steepness(load: Load, theta: Theta) -> np.ndarray:
    """By how much log rate falls when every step takes longer, in logs: 1 where memory bounds the batch, else more."""
    distance = SPEEDS[-1][0] / 2.0
    up, down = (log_rate(at_speed(load, np.exp(d)), theta) for d in (distance, -distance))
    return np.asarray(1.0 + (down - up) / (2.0 * distance))


def fastest(load: Load, theta: Theta) -> np.ndarray:
    """Tokens/s a single request sees on the best group; 0 where none holds the model."""
    step = Step(replace(load, requests=None), theta)
    fits, _ = step.batches()
    return np.asarray(np.where(fits, step.tau / step.seconds(1.0), 0.0).max(0))


def first_token_s(load: Load, theta: Theta) -> np.ndarray:
    """Least seconds to the first token, queue included; infinite where no group holds the model."""
    step = Step(replace(load, ttft_s=None), theta)
    fits, _ = step.batches()
    return np.asarray(np.where(fits, QUEUE * step.prefill_s, np.inf).min(0))
