"""What every builder of a Case needs at hand: scenario, catalog, calendar, and the list of assumptions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pandas as pd

from planner.case.columns import empty_table, index_by
from planner.case.periods import Calendar
from planner.case.places import Place, place_of
from planner.facts.catalog import Catalog
from planner.facts.errors import BadValue
from planner.facts.fallbacks import ITEMS, lookup
from planner.scenario.agreements import Agreement
from planner.scenario.schema import Host, Scenario, Selection, Site

HIGHEST_RATE = 0.5
"""Of a discount rate, as in the schema of a scenario."""


@dataclass
class Context:
    """Shared state of one build; ``assumed`` collects every default taken for want of a value."""

    scenario: Scenario
    catalog: Catalog
    calendar: Calendar
    assumed: list[dict[str, Any]] = field(default_factory=list)
    memo: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)
    """Results of one build that are asked for in every period, by whoever computes them."""
    under: tuple[Agreement, ...] = ()
    """Offered agreements taken as in force; see ``planner.case.in_force``."""

    @classmethod
    def of(cls, scenario: Scenario, catalog: Catalog) -> Context:
        return cls(scenario, catalog, Calendar.of(scenario.horizon, scenario.existing))

    @property
    def level(self) -> str:
        """Level of cost of this case: low, mid or high; see ``Catalog.cost_level`` for which end of a range it means."""
        return self.scenario.money.level

    @property
    def discount_rate_real(self) -> float:
        """The scenario's real discount rate, or the catalog's; BadValue for one of a catalog that no scenario may state."""
        own = self.scenario.money.discount_rate_real
        if own is not None:
            return own
        rate = self.param("discount_rate_real")
        if not 0.0 <= rate <= HIGHEST_RATE:
            raise BadValue(
                f"parameter discount_rate_real of the catalog is {rate:g}: must be 0 to {HIGHEST_RATE:g}, "
                "for below 0 what is left of an asset would count for more than its price"
            )
        return rate

    def param(self, name: str) -> float:
        return self.catalog.param(name, self.catalog.cost_level("parameters", name, self.level))

    def column(self, table: str, stem: str) -> str:
        """The column of a range that this case reads: ``stem`` and the end its level of cost means."""
        return f"{stem}_{self.catalog.cost_level(table, stem, self.level)}"

    def pick(self, own: Any, table: str, key: Any, column: str) -> Any:
        """The scenario's own value, or the catalog's (``column`` or ``column_<level>``)."""
        if own is not None:
            return own
        names = self.catalog.table(table).columns
        return self.catalog.value(table, key, column if column in names else self.column(table, column))

    def life_steps(self, table: str, key: str) -> int:
        """Steps an asset lasts, from its ``life_years``."""
        return self.calendar.whole_steps(12.0 * float(self.catalog.value(table, key, "life_years")))

    def plant(self, table: str, key: str) -> tuple[int, float, int]:
        """Lead in steps, MUSD per MW, life in steps of a plant bought by the megawatt."""
        row = self.catalog.table(table).loc[key]
        lead = self.calendar.whole_steps(float(row[f"lead_months_{self.level}"]))
        return lead, float(row[f"capex_musd_per_mw_{self.level}"]), self.life_steps(table, key)

    def host(self, host_id: str) -> Host:
        return next(h for h in self.scenario.hosts if h.id == host_id)

    def site(self, site_id: str) -> Site:
        return next(s for s in self.scenario.sites if s.id == site_id)

    def place(self, site: Site) -> Place:
        """Where a site lies; what its coordinates had to borrow from somewhere near is noted."""
        key = ("place", site.id)
        if key not in self.memo:
            self.memo[key] = place = place_of(self.catalog, site)
            self.assumed += [
                {"item": f"{what} at {site.id}", "value": value, "why": why}
                for what, value, why in place.assumed
            ]
        found: Place = self.memo[key]
        return found

    def site_country(self, site: Site) -> str:
        return self.place(site).iso3

    def host_country(self, host: Host) -> str:
        return self.site_country(self.site(host.site))

    def local(self, item: str, site: Site, own: Any = None) -> float:
        """A value of a site on the first rung of the fallback chain that has one; what is assumed is noted."""
        place = self.place(site)
        found = lookup(self.catalog, place.iso3, item, self.level, place.metro, own)
        if found.assumed:
            what = f"{ITEMS[item].title} at {site.id}"
            self.assumed.append({"item": what, "value": found.value, "why": found.said})
        return found.value

    def elec_price_usd_per_mwh(self, site: Site) -> float:
        """Mean over the day, of the price year, without what carries it."""
        by_hour = site.tariff.energy_usd_per_mwh_by_hour if site.tariff else None
        own = sum(by_hour) / len(by_hour) if by_hour else site.elec_price_usd_per_mwh
        return self.local("elec_price_usd_per_mwh", site, own)

    def construction_musd_per_mw(self, site: Site) -> float:
        return self.local("construction_musd_per_mw_it", site, site.construction_musd_per_mw_it)

    def carbon_kg_per_mwh(self, site: Site) -> float:
        """Grid carbon of the site's zone, else its country's average."""
        return self.local("grid_kgco2_per_mwh", site)

    def grid_connect_months(self, site: Site) -> float:
        """Application to energised connection."""
        return self.local("grid_connect_months", site, site.grid_lead_months)

    def wait(self, months: float, applied: date | None) -> tuple[int, int]:
        """Steps that are left of a wait, and the first period in which it may be over.

        It runs from its application, or from the plan's start at the earliest where none is filed. What is filed after
        the start is begun and paid from that day on.
        """
        run = self.months_run(applied)
        lead = self.calendar.whole_steps(max(months - max(run, 0.0), 0.0))
        return lead, self.calendar.after(0, lead if run >= 0 else self.calendar.whole_steps(months - run))

    def months_run(self, applied: date | None) -> float:
        """Months since an application at the plan's start, negative where it is filed later; 0 where none is filed."""
        return 0.0 if applied is None else -self.calendar.months_from_start(applied)

    def import_duty(self, host: Host) -> float:
        """Duty on servers as a share of their price, in the country of the host."""
        return self.local("it_import_duty_pct", self.site(host.site)) / 100.0


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
    """A table whose row index is the tuple of ``keys``; empty input still has all columns, each of its kind."""
    if isinstance(rows, list | tuple) and not rows:
        return empty_table([*keys, *columns], keys)
    frame = pd.DataFrame(rows, columns=[*keys, *columns]) if not isinstance(rows, pd.DataFrame) else rows
    return index_by(frame.reset_index(drop=True), keys) if len(frame) else empty_table(frame.columns, keys)
