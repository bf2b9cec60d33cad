"""How long things take, in months from the decision, each low, mid, high from rows of the catalog.

    duration("hall", hall_type="modular")               # 6 / 9 / 12 months
    schedule(metro="KR-SEO", system="gb300-nvl72")      # a table of all steps on the way to first service

Low is a well-run case, high a bad one; both occur. Steps run side by side unless one needs the other:
``schedule`` says what follows what and which chain is the longest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from planner.case.cost_breakdown import facility_item
from planner.case.names import system_of
from planner.case.pace import DRAWN, end_of
from planner.case.power_draw import metro_of, span_of
from planner.facts.catalog import Catalog, load_catalog
from planner.facts.errors import BadValue, UnknownName
from planner.facts.fallbacks import lookup
from planner.facts.spans import Span
from planner.facts.suggest import hint


@dataclass(frozen=True)
class Duration:
    """Months with a range, where they come from, and what must be finished before."""

    kind: str
    low: float
    mid: float
    high: float
    source: str
    after: tuple[str, ...] = ()

    @property
    def span(self) -> Span:
        return Span(self.low, self.mid, self.high)


def _licence(catalog: Catalog, country_group: str, control_class: str) -> tuple[Span, str]:
    table = catalog.table("licence_rules")
    key = (country_group, control_class)
    if key not in table.index or not bool(table.loc[key, "required"]):
        return Span(0, 0, 0), f"licence_rules: none needed for {country_group}, {control_class}"
    row = table.loc[key]
    return span_of(
        lambda level: row[f"lead_months_{level}"]
    ), f"licence_rules:{country_group}/{control_class}"


def _row(catalog: Catalog, table: str, key: str, column: str = "lead_months") -> tuple[Span, str]:
    frame = catalog.table(table)
    if key not in frame.index:
        raise UnknownName(f"no row {key!r} in {table}{hint(key, [str(k) for k in frame.index])}")
    row = frame.loc[key]
    return span_of(lambda level: row[f"{column}_{level}"]), f"{table}:{key}"


def _item(catalog: Catalog, key: str) -> tuple[Span, str]:
    return facility_item(catalog, key), f"facility_costs:{key}"


def _grid(catalog: Catalog, metro: str) -> tuple[Span, str]:
    key = metro_of(catalog, metro)
    iso3 = str(catalog.value("metros", key, "iso3"))
    found = {
        level: lookup(catalog, iso3, "grid_connect_months", level, key) for level in ("low", "mid", "high")
    }
    return span_of(lambda level: found[level].value), found["mid"].why


AFTER = {
    "hall": ("permits",),
    "retrofit": ("permits",),
    "manufacture": ("licence",),
    "shipping": ("manufacture",),
    "grid works": ("grid offer", "permits"),
    "commissioning": ("retrofit",),
}
"""Steps that must be finished before a step begins. A system is ordered when the licence is granted."""


def duration(
    kind: str,
    *,
    metro: str | None = None,
    system: str | None = None,
    hall_type: str = "conventional",
    technology: str = "direct-to-chip",
    backup: str = "diesel",
    pace: str = "usual",
    country_group: str = "unrestricted",
    control_class: str = "3a090a",
    catalog: Catalog | None = None,
) -> Duration:
    """Months of one step: licence, manufacture, shipping, permits, grid, transformer, switchgear, hall,
    retrofit, cooling, backup or commissioning.

    ``manufacture`` needs a system, ``grid`` a metro; ``licence`` takes a country group and control class of
    the table ``licence_rules``; a hall takes the pace of its builder: fast the low end of its range, slow the high.
    Manufacture is the published delivery time less the mid of shipping.
    """
    catalog = catalog or load_catalog()

    def manufacture() -> tuple[Span, str]:
        if system is None:
            raise BadValue("manufacture needs system=")
        key = system_of(catalog, system)
        delivery, source = _row(catalog, "systems", key, "delivery_months")
        shipping = facility_item(catalog, "dur-shipping").mid
        return Span(*(max(getattr(delivery, v) - shipping, 0.5) for v in ("low", "mid", "high"))), source

    def grid() -> tuple[Span, str]:
        if metro is None:
            raise BadValue("grid needs metro=")
        return _grid(catalog, metro)

    def hall() -> tuple[Span, str]:
        end_of("mid", pace)
        span, source = _row(catalog, "halls", hall_type)
        return Span(*(getattr(span, end) for end in DRAWN[pace])), source

    steps: dict[str, Callable[[], tuple[Span, str]]] = {
        "licence": lambda: _licence(catalog, country_group, control_class),
        "manufacture": manufacture,
        "shipping": lambda: _item(catalog, "dur-shipping"),
        "permits": lambda: _item(catalog, "dur-permits"),
        "grid": grid,
        "transformer": lambda: _item(catalog, "dur-transformer"),
        "switchgear": lambda: _item(catalog, "dur-switchgear"),
        "hall": hall,
        "retrofit": lambda: _item(catalog, "dur-retrofit"),
        "cooling": lambda: _row(catalog, "cooling", technology),
        "backup": lambda: _row(catalog, "backup", backup),
        "commissioning": lambda: _item(catalog, "dur-commissioning"),
    }
    if kind not in steps:
        raise BadValue(f"no step {kind!r}{hint(kind, list(steps))}; allowed {', '.join(steps)}")
    span, source = steps[kind]()
    return Duration(kind, span.low, span.mid, span.high, source, AFTER.get(kind, ()))


def schedule(
    metro: str,
    system: str,
    *,
    hall_type: str = "conventional",
    technology: str = "direct-to-chip",
    country_group: str = "unrestricted",
    control_class: str = "3a090a",
    catalog: Catalog | None = None,
) -> pd.DataFrame:
    """All steps of a new build to first service: kind, low, mid, high, start_mid, end_mid, critical, source.

    Months from the decision. ``critical`` marks the chain that decides the end at mid durations. The
    grid wait contains the transformer of the substation, and a hall's lead its commissioning: they have no row.
    """
    catalog = catalog or load_catalog()
    kinds = ("licence", "manufacture", "shipping", "permits", "hall", "cooling", "backup")
    found = {
        k: duration(
            k, metro=metro, system=system, hall_type=hall_type, technology=technology,
            country_group=country_group, control_class=control_class, catalog=catalog,
        )
        for k in kinds
    }  # fmt: skip
    grid, share = duration("grid", metro=metro, catalog=catalog), catalog.param("grid_works_share")
    for name, part in (("grid offer", 1.0 - share), ("grid works", share)):
        low, mid, high = (x * part for x in (grid.low, grid.mid, grid.high))
        found[name] = Duration(name, low, mid, high, grid.source, AFTER.get(name, ()))
    end: dict[str, float] = {}
    for k in found:  # listed so that what a step waits for comes before it
        start = max((end[a] for a in found[k].after if a in end), default=0.0)
        end[k] = start + found[k].mid
    critical, at = set(), max(end, key=lambda k: end[k])
    while at:
        critical.add(at)
        before = [a for a in found[at].after if a in end]
        at = max(before, key=lambda a: end[a]) if before else ""
    rows = [
        (k, d.low, d.mid, d.high, end[k] - d.mid, end[k], k in critical, d.source) for k, d in found.items()
    ]
    return pd.DataFrame(
        rows, columns=["kind", "low", "mid", "high", "start_mid", "end_mid", "critical", "source"]
    )
