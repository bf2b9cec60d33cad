"""What each loss takes, on a case with as many members as offers: found without every duty with every offer."""

from __future__ import annotations

import tracemalloc
from itertools import product
from types import SimpleNamespace
from typing import Any

import pandas as pd

from planner.case.resilience import lost_offers

SITES, PERIODS, WORKLOADS = 60, 30, ("chat", "train")


def large() -> tuple[Any, pd.DataFrame]:
    """A host a site, one system each, and a duty for the loss of every site in every period of one workload."""
    duties = pd.DataFrame(
        [("site", "chat", f"p{f}", t, 0.5, False, 0) for f, t in product(range(SITES), range(PERIODS))],
        columns=["i", "w", "f", "t", "share", "supply", "lost_step"],
    )
    members = pd.DataFrame(
        [("site", f"p{f}", f"h{f}", "a", "k") for f in range(SITES)], columns=["i", "f", "h", "a", "k"]
    )
    offers = pd.DataFrame(
        [(w, f"h{f}", "a", "k", t) for t, w, f in product(range(PERIODS), WORKLOADS, reversed(range(SITES)))],
        columns=["w", "h", "a", "k", "t"],
    )
    return SimpleNamespace(survival=duties, survival_members=members), offers


def every_duty_with_every_offer(case: Any, offers: pd.DataFrame) -> pd.DataFrame:
    pairs = case.survival.merge(offers, on=["w", "t"])
    return pairs.merge(case.survival_members, on=["i", "f", "h", "a", "k"])


def most_memory(build: Any) -> int:
    tracemalloc.start()
    build()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def test_each_loss_takes_its_own_offers_in_the_order_of_the_duties() -> None:
    case, offers = large()
    pd.testing.assert_frame_equal(lost_offers(case, offers), every_duty_with_every_offer(case, offers))


def test_no_table_of_every_duty_with_every_offer_is_made() -> None:
    case, offers = large()
    lost_offers(case, offers)  # pandas allocates some things once
    all_pairs = most_memory(lambda: every_duty_with_every_offer(case, offers))
    assert most_memory(lambda: lost_offers(case, offers)) < all_pairs / 4
