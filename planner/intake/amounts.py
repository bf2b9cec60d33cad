"""Amounts far outside what the catalog knows of their kind: a slip of unit more often than a fact, so a warning.

    for warning in amount_warnings(scenario, catalog):
        print(warning)

The range of a field is that of its column of the catalog (``planner.scenario.references.AMOUNTS``), low to high over
all rows. Sites, hosts and halls may be far smaller than the projects the world reports, so that megawatts are held
against the upper end alone; zero says that a thing is free or absent.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from planner.facts.catalog import Catalog
from planner.intake.document import Document
from planner.scenario.paths import find
from planner.scenario.problems import Problem
from planner.scenario.references import AMOUNTS, SLIPS

FAR = 4.0
"""Beyond the ends of the range by this factor an amount is warned of: ten times off in the middle of a range."""
SIZES = "mw"


def amount_warnings(doc: Document) -> list[Problem]:
    """A warning for every written amount far outside its range, with the unit it looks like."""
    return list(_warnings(doc))


def _warnings(doc: Document) -> Iterator[Problem]:
    for pattern, table, column, row, factor in AMOUNTS:
        low, high = catalog_range(doc.catalog, table, column, row)
        low, high = low * factor, high * factor
        name = pattern.rsplit(".", 1)[-1]
        for path, item in find(doc.root, pattern):
            value = item.value
            if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
                continue
            small = value < low / FAR and not name.endswith(SIZES)
            if small or value > high * FAR:
                message = (
                    f"{value:g} is far {'below' if small else 'above'} {low:.3g} to {high:.3g}, the range of "
                    f"{row.split(';')[0] or column} in {table}{_meant(name, value, low, high)}"
                )
                yield Problem.at(item.shown, path, message)


def _meant(name: str, value: float, low: float, high: float) -> str:
    """``; looks like ...`` where another unit brings the value into the range (sizes may be smaller)."""
    units = next((units for end, units in SLIPS if name.endswith(end)), ())
    least = 0.0 if name.endswith(SIZES) else low / FAR
    fitting = next((unit for factor, unit in units if least <= value / factor <= high * FAR), None)
    return f"; looks like a figure in {fitting}" if fitting else "; wrong unit?"


@lru_cache(maxsize=256)
def catalog_range(catalog: Catalog, table: str, column: str, row: str = "") -> tuple[float, float]:
    """Least positive and largest figure of a column, its low, mid and high included, over all rows or some."""
    frame = catalog.table(table)
    names = [c for c in (column, *(f"{column}_{level}" for level in ("low", "mid", "high"))) if c in frame]
    cells = (frame.loc[row.split(";")] if row else frame)[names].astype(float)
    values = cells.to_numpy().ravel()
    values = values[values > 0]
    if not len(values):  # a catalog of one's own may hold zeros alone: nothing to hold an amount against
        return 0.0, float("inf")
    return float(values.min()), float(values.max())
