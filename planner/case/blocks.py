"""How the hours of the typical day are put together into slices, and the profiles they follow."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from planner.case.context import Context
from planner.facts.catalog import Catalog
from planner.scenario.schema import Site

CLOCK_BLOCKS = 6
"""Fewest blocks of the day where hours are told apart."""


def hourly(context: Context, profile_id: str) -> np.ndarray:
    """24 values of a profile, by hour of the day; not to be written to."""
    return _profiles(context.catalog)[profile_id]


@lru_cache(maxsize=8)
def _profiles(catalog: Catalog) -> dict[str, np.ndarray]:
    rows = catalog.table("profiles").sort_values("hour")
    return {str(name): own.to_numpy(float) for name, own in rows.groupby("profile_id")["value"]}


def price_by_hour(context: Context, site: Site) -> np.ndarray:
    """24 prices of energy over their mean: the site's own, else the catalog's day."""
    own = site.tariff.energy_usd_per_mwh_by_hour if site.tariff else None
    return np.array(own) / np.mean(own) if own else hourly(context, "tariff")


def blocks_of_day(context: Context, n: int) -> list[np.ndarray]:
    """Hours of the day put together into ``n`` blocks, from busiest to quietest (interactive profile).

    Where a site may have the sun (its own or by contract) or storage, or prices hours of its own, into
    ``CLOCK_BLOCKS`` of them or more by the clock: load, sun and price meet by hour. A block then holds hours in which
    they are most alike.
    """
    sites = context.scenario.sites
    fuels = {str(context.catalog.value("power_options", option.id, "fuel"))
             for site in sites if site.power for option in site.power.options}  # fmt: skip
    priced = [price_by_hour(context, site) for site in sites
              if site.tariff and site.tariff.energy_usd_per_mwh_by_hour]  # fmt: skip
    stored = [price_by_hour(context, site) for site in sites] if "storage" in fuels else []
    delivered = {ppa.profile for site in sites if site.power for ppa in site.power.ppas}
    sun = [hourly(context, "sun")] if "solar" in fuels | delivered else []
    if sun or priced or stored:
        curves = [hourly(context, "interactive"), *sun, *(stored or priced)]
        return by_clock(curves, max(n, CLOCK_BLOCKS))
    order = np.argsort(-hourly(context, "interactive"), kind="stable")
    return [np.sort(block) for block in np.array_split(order, n)]


def by_clock(curves: Sequence[np.ndarray], n: int) -> list[np.ndarray]:
    """The day cut into ``n`` runs of hours whose values, each over the curve's mean, differ least from the run's mean.

    Of cuts that are as good, the most even one: squared differences first, then squared lengths.

    >>> [block.tolist() for block in by_clock([np.repeat([1.0, 3.0, 1.0], [7, 2, 15])], 3)]
    [[0, 1, 2, 3, 4, 5, 6], [7, 8], [9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23]]
    """
    values = np.array([curve / curve.mean() for curve in curves])

    def unlike(first: int, end: int) -> tuple[float, int]:
        run = values[:, first:end]
        return round(float(((run - run.mean(axis=1, keepdims=True)) ** 2).sum()), 9), (end - first) ** 2

    best: dict[int, tuple[tuple[float, int], list[int]]] = {0: ((0.0, 0), [0])}
    for _ in range(n):
        found: dict[int, tuple[tuple[float, int], list[int]]] = {}
        for first, ((far, long), cuts) in best.items():
            for end in range(first + 1, 25):
                more = unlike(first, end)
                worth = (round(far + more[0], 9), long + more[1])
                if end not in found or worth < found[end][0]:
                    found[end] = worth, [*cuts, end]
        best = found
    cuts = best[24][1]
    return [np.arange(a, b) for a, b in itertools.pairwise(cuts)]


def stressed_hours(context: Context) -> float:
    """Hours of a year in which flexible connections carry nothing; 0 where no site has one."""
    offers = [site.power.flexible for site in context.scenario.sites if site.power and site.power.flexible]
    column = "curtailed_hours_per_year"
    return max(
        (float(context.pick(o.curtailed_hours_per_year, "connections", o.id, column)) for o in offers),
        default=0.0,
    )
