"""What every builder of a Case needs at hand: scenario, catalog, calendar, and the list of assumptions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from planner.case.periods import Calendar
from planner.catalog import Catalog
from planner.scenario import Host, Scenario, Selection, Site


@dataclass
class Context:
    """Shared state of one build; ``assumed`` collects every default taken for want of a value."""

    scenario: Scenario
    catalog: Catalog
    calendar: Calendar
    assumed: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, scenario: Scenario, catalog: Catalog) -> Context:
        return cls(scenario, catalog, Calendar.of(scenario.horizon))

    @property
    def level(self) -> str:
        """Which column of low/mid/high prices and handicaps this case uses."""
        return self.scenario.money.level

    def param(self, name: str) -> float:
        return self.catalog.param(name, self.level)

    def pick(self, own: Any, table: str, key: Any, column: str) -> Any:
        """The scenario's own value, or the catalog's (``column`` or ``column_<level>``)."""
        if own is not None:
            return own
        names = self.catalog.table(table).columns
        return self.catalog.value(table, key, column if column in names else f"{column}_{self.level}")

    def with_fallback(self, value: Any, item: str, parameter: str) -> float:
        """``value`` where there is one; else the world default, noted as an assumption."""
        if value is not None and not pd.isna(value):
            return float(value)
        default = self.param(parameter)
        self.assumed.append(
            {"item": item, "value": default, "why": f"no value found; world default {parameter}"}
        )
        return default

    def site(self, site_id: str) -> Site:
        return next(s for s in self.scenario.sites if s.id == site_id)

    def metro(self, site: Site) -> pd.Series:
        return self.catalog.table("metros").loc[site.metro]

    def site_country(self, site: Site) -> str:
        return str(self.metro(site)["iso3"])

    def host_country(self, host: Host) -> str:
        return self.site_country(self.site(host.site))

    def elec_price_usd_per_mwh(self, site: Site) -> float:
        own = site.elec_price_usd_per_mwh
        if own is None:
            own = self.catalog.value("countries", self.site_country(site), "elec_price_usd_per_mwh")
        return self.with_fallback(own, f"electricity price at {site.id}", "fallback_elec_price_usd_per_mwh")

    def construction_musd_per_mw(self, site: Site) -> float:
        own = site.construction_musd_per_mw_it
        if own is None:
            own = self.metro(site)["construction_musd_per_mw_it"]
        if own is None or pd.isna(own):
            own = self.catalog.value("countries", self.site_country(site), "construction_musd_per_mw_it")
        return self.with_fallback(
            own, f"construction cost at {site.id}", "fallback_construction_musd_per_mw_it"
        )

    def carbon_kg_per_mwh(self, site: Site) -> float:
        """Grid carbon of the site's zone, else its country's average."""
        own = None
        for table, key in (("emissions_zones", site.metro), ("emissions_ember", self.site_country(site))):
            rows = self.catalog.table(table)
            if own is None and key in rows.index:
                own = rows.loc[key, "grid_kgco2_per_mwh"]
        return self.with_fallback(own, f"grid carbon at {site.id}", "fallback_grid_kgco2_per_mwh")


def selected(offers: pd.DataFrame, selection: Selection) -> pd.DataFrame:
    """Rows of an (h, a, k) table with columns owner_class and vendor that a selection speaks of."""
    keep = pd.Series(True, index=offers.index)
    for column, wanted in (
        ("h", selection.hosts),
        ("owner_class", selection.owner_classes),
        ("a", selection.stacks),
        ("k", selection.systems),
        ("vendor", selection.vendors),
    ):
        if wanted is not None:
            keep &= offers[column].isin(wanted)
    return offers[keep]


def keyed(rows: Any, keys: list[str], columns: list[str]) -> pd.DataFrame:
    """A table whose row index is the tuple of ``keys``; empty input still has all columns."""
    frame = pd.DataFrame(rows, columns=[*keys, *columns]) if not isinstance(rows, pd.DataFrame) else rows
    frame = frame.reset_index(drop=True)
    if len(keys) > 1:
        frame.index = pd.MultiIndex.from_frame(frame[keys], names=[None] * len(keys))
    else:
        frame.index = pd.Index(frame[keys[0]], name=None)
    return frame
