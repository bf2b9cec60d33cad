"""Low, mid and high of a positive quantity, and how spans combine.

Low and high bound the central 80 %. Products of independent spans add the squares of their log distances;
sums of spans that move together add end by end, which leaves the range of a total on the wide side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """0 <= low <= mid <= high.

    >>> Span(1, 2, 4) * Span(1, 1, 1)
    Span(low=1.0, mid=2.0, high=4.0)
    >>> two = Span(1, 2, 4) * Span(0.5, 1, 2)
    >>> round(two.high, 3)  # exp(sqrt(2) ln 2) times 2, not 8
    5.33
    """

    low: float
    mid: float
    high: float

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.mid <= self.high:
            raise ValueError(f"a span must satisfy 0 <= low <= mid <= high, not {self}")

    @classmethod
    def exact(cls, value: float) -> Span:
        return cls(value, value, value)

    @classmethod
    def around(cls, low: float, mid: float, high: float) -> Span:
        """Values at the levels low, mid, high of a catalog, which need not rise with the quantity."""
        return cls(min(low, mid, high), mid, max(low, mid, high))

    def __mul__(self, other: Span | float) -> Span:
        """Product of independent quantities; a number scales."""
        if not isinstance(other, Span):
            return Span(self.low * other, self.mid * other, self.high * other)
        mid = self.mid * other.mid
        if mid == 0:
            return Span(0.0, 0.0, 0.0 if 0 in (self.high, other.high) else self.high * other.high)
        down = math.hypot(_log(self.mid, self.low), _log(other.mid, other.low))
        up = math.hypot(_log(self.high, self.mid), _log(other.high, other.mid))
        return Span(mid * math.exp(-down), mid, mid * math.exp(up))

    def __truediv__(self, other: Span | float) -> Span:
        if not isinstance(other, Span):
            return self * (1.0 / other)
        return self * Span(1 / other.high, 1 / other.mid, 1 / other.low)

    def __add__(self, other: Span) -> Span:
        """Sum of quantities that move together."""
        return Span(self.low + other.low, self.mid + other.mid, self.high + other.high)

    def relative(self) -> Span:
        """The span as a factor around 1."""
        return Span(self.low / self.mid, 1.0, self.high / self.mid) if self.mid > 0 else Span.exact(1.0)


def _log(high: float, low: float) -> float:
    return math.log(high / low) if low > 0 else math.inf
