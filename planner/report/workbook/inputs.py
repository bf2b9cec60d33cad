"""Inputs of the workbook: named figures that formulas read, tariffs, and the frozen scenario."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from planner.case.context import Context
from planner.case.conventions import RATE
from planner.case.limits import PARTNER
from planner.case.periods import HOURS_PER_YEAR, discount_factor
from planner.case.registry import FINANCE, SETTLED
from planner.finance.ledger_flows import CAPEX, DEVELOPMENT, GRANT, PHYSICAL, SOLD
from planner.plans.content import content_lines
from planner.plans.kpis import FIRST_SERVICE, FULL_SERVICE, NOISE_SHARE
from planner.report.workbook.book import TOP, Book, span

if TYPE_CHECKING:
    from planner.runs.run import Run

MID_PERIOD = 0.5
"""Payments fall in the middle of their period."""
POINTS, SECONDS_PER_HOUR = 100.0, 3600.0
SENSITIVITY_SHARE, SENSITIVITY_RATE = 0.2, 0.01
LEFT_RULES = {"market": "used goods at market value", "straight_line": "all by straight line"}
"""Rules of valuing what is left, in the names of key figures -> in words."""
TARIFF = "electricity"
"""The account that is a quantity times a tariff."""
NONE = "none"
"""What stands in a cell where a line has no host, site, origin or payer."""


@dataclass(frozen=True)
class Facts:
    """What the sheets are made from: the run's tables, its calendar and conventions."""

    run: Run
    tables: Mapping[str, pd.DataFrame]

    @cached_property
    def context(self) -> Context:
        return Context.of(self.run.scenario, self.run.catalog)

    @property
    def n(self) -> int:
        return self.context.calendar.n

    def by_period(self, rows: pd.DataFrame, column: str = "musd") -> np.ndarray:
        """Sums of a column by period, and at the horizon's end."""
        sums = rows.groupby("t")[column].sum().reindex(range(self.n + 1), fill_value=0.0)
        return np.asarray(sums.to_numpy(float))

    @property
    def rate(self) -> float:
        return self.context.discount_rate_real

    @cached_property
    def labels(self) -> list[str]:
        """Periods of the horizon and its end."""
        return [*(self.context.calendar.label(t) for t in range(self.n)), "end"]

    @cached_property
    def years_to(self) -> np.ndarray:
        """Years from the start to the middle of every period, and to the end."""
        calendar = self.context.calendar
        middle = (calendar.edges[:-1] + (calendar.steps - 1) / 2.0 + MID_PERIOD) * calendar.step_years
        return np.append(middle, calendar.n_steps * calendar.step_years)

    @cached_property
    def factors(self) -> np.ndarray:
        """Of every period the mean of its steps, paid in the middle of each; of the end its own."""
        calendar = self.context.calendar
        return np.append(
            calendar.table(self.rate)["discount"],
            discount_factor(self.rate, calendar.n_steps * calendar.step_years),
        )

    @property
    def spread(self) -> np.ndarray:
        """Discount factor of every period over that of its middle; 1 where it is one step."""
        return self.factors * (1.0 + self.rate) ** self.years_to

    @cached_property
    def modes(self) -> dict[str, str]:
        return {h.id: h.mode for h in self.run.scenario.hosts}

    @cached_property
    def places(self) -> dict[str, str]:
        """Host -> country in which it stands."""
        sites = {site.id: self.context.site_country(site) for site in self.run.scenario.sites}
        return {h.id: sites[h.site] for h in self.run.scenario.hosts}

    @cached_property
    def content(self) -> pd.DataFrame:
        """Capital by where its value is made, with the ledger's own names for blanks."""
        ledger = self.ledger.assign(k=self.ledger["k"].replace(NONE, ""))
        lines = content_lines(ledger, self.places, self.run.scenario.country, self.run.catalog)
        return lines.assign(k=lines["k"].replace("", NONE))

    @cached_property
    def kpis(self) -> dict[str, float]:
        return {str(k): float(v) for k, v in zip(self.run.kpis["kpi"], self.run.kpis["value"], strict=True)}

    def left(self, rule: str) -> float:
        """What is left at the horizon's end under a rule, MUSD, undiscounted."""
        worth = self.kpis["cost_without_residual_musd"] - self.kpis[f"cost_residual_{rule}_musd"]
        return float(worth / self.factors[-1])

    @cached_property
    def ledger(self) -> pd.DataFrame:
        """The run's ledger with blanks named, the mode of each place, and what a line pays per unit over the mean."""
        ledger = self.tables["ledger"].copy()
        for column in ("h", "p", "k", "origin_iso3", "payer", "account", "kind"):
            ledger[column] = ledger[column].fillna("").astype(str).replace("", NONE)
        mode = ledger["h"].map(self.modes).fillna(NONE)
        paid = ledger["account"] == TARIFF
        over = np.where(paid, ledger["musd"] / ledger["quantity"].where(paid, 1.0) * 1e6, np.nan)
        over = over / ledger["h"].map(self.tariffs).to_numpy(float)
        lines = ledger["kind"].map(
            {CAPEX: CAPEX, GRANT: GRANT, PHYSICAL: "", FINANCE: "", **dict.fromkeys(SETTLED, "settled")}
        )
        lines = lines.mask((lines == "settled") & (ledger["t"] < len(self.factors) - 1), SOLD)
        own = ledger["payer"] == PARTNER
        return ledger.assign(
            mode=mode,
            at=ledger["h"].map(self.places).fillna(self.run.scenario.country),
            tariff_profile=over,
            finance_line=lines.fillna("running").where(own, ""),
            finance_asset=ledger["asset_class"].fillna("").replace("", DEVELOPMENT),
        )

    @cached_property
    def tariffs(self) -> dict[str, float]:
        """Host -> mean price of its electricity, USD/MWh."""
        ledger = self.tables["ledger"]
        sums = ledger[ledger["account"] == TARIFF].groupby("h")[["musd", "quantity"]].sum()
        return {
            str(h): float(r["musd"] / r["quantity"] * 1e6) for h, r in sums.iterrows() if r["quantity"] > 0
        }


def write_inputs(book: Book, facts: Facts) -> None:
    """Named inputs in blue on yellow; below them tariffs by host."""
    year = facts.run.scenario.money.price_year
    sheet = book.sheet(
        "Inputs", "Inputs", f"Every formula reads these cells: change one and all follows; real {year} USD"
    )
    calendar, context = facts.context.calendar, facts.context
    said = (
        facts.tables["assumptions"].set_index("item")["why"]
        if len(facts.tables.get("assumptions", ()))
        else {}
    )
    rows: list[tuple[str, str, Any, str, str]] = [
        ("discount_rate", "Real discount rate", facts.rate, "1/year", str(said.get(RATE, ""))),
        ("periods", "Periods of the horizon", facts.n, "periods", ""),
        ("step_months", "Months of a step, the shortest period", calendar.step_months, "months", ""),
        ("step_years", "Years of a step", calendar.step_years, "years", ""),
        ("step_hours", "Hours of a step", HOURS_PER_YEAR * calendar.step_years, "hours", ""),
        ("steps_per_year", "Steps of a year", 12 / calendar.step_months, "steps", ""),
        (
            "payment_timing",
            "When payments fall",
            MID_PERIOD,
            "share of the step",
            "0 at its start, 1 at its end",
        ),
        ("first_service_share", "Share of demand served that counts as service", FIRST_SERVICE, "share", ""),
        (
            "full_service_short",
            "Share of demand that may be short in full service",
            FULL_SERVICE,
            "share",
            "",
        ),
        ("noise_share", "Share short that counts as nothing", NOISE_SHARE, "share", ""),
        ("full_points", "Points of full control", POINTS, "points", ""),
        ("hour_seconds", "Seconds of an hour", SECONDS_PER_HOUR, "seconds", ""),
        (
            "availability",
            "Availability of accelerators",
            context.param("availability"),
            "share",
            "catalog, parameters",
        ),
        *(
            (
                f"left_{rule}",
                f"What is left at the end, {words}",
                facts.left(rule),
                "MUSD",
                "from the planner",
            )
            for rule, words in LEFT_RULES.items()
        ),
        ("sensitivity_share", "Change of payments in sensitivities", SENSITIVITY_SHARE, "share", ""),
        ("sensitivity_rate", "Change of the discount rate in sensitivities", SENSITIVITY_RATE, "1/year", ""),
    ]
    for j, text in enumerate(("Input", "Value", "Unit", "Name in formulas", "Source")):
        sheet.write_string(TOP, j, text, book.head)
    for i, (name, words, value, unit, source) in enumerate(rows, start=TOP + 1):
        for j, text in ((0, words), (2, unit), (3, name), (4, source)):
            sheet.write_string(i, j, text)
        sheet.write_number(i, 1, float(value), book.input)
        book.name(name, sheet, i, 1)
    top = TOP + len(rows) + 3
    for j, text in enumerate(("Mean electricity price by host", "Value", "Unit", "Host")):
        sheet.write_string(top, j, text, book.head)
    hosts = sorted(facts.tariffs)
    for i, h in enumerate(hosts, start=top + 1):
        sheet.write_string(i, 0, "Over the horizon, by the energy bought")
        sheet.write_number(i, 1, facts.tariffs[h], book.input)
        sheet.write_string(i, 2, "USD/MWh")
        sheet.write_string(i, 3, h)
    last = top + max(len(hosts), 1)
    book.spans["Inputs"] = {
        "tariff": span("Inputs", top + 1, 1, last, 1),
        "host": span("Inputs", top + 1, 3, last, 3),
    }
    sheet.set_column(0, 0, 46)
    sheet.set_column(1, 3, 20)
    sheet.set_column(4, 4, 80)


def write_scenario(book: Book, facts: Facts) -> None:
    """Every resolved input of the scenario, one a row: path and value."""
    from planner.intake.scenario_file import plain_scenario
    from planner.scenario.paths import flatten

    rows = [(path, _plain(value)) for path, value in flatten(plain_scenario(facts.run.scenario))]
    note = "The frozen scenario, defaults included; facts stand in Sources"
    book.table(book.sheet("Scenario", "Scenario", note), pd.DataFrame(rows, columns=["path", "value"]))


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | float | bool | date) else str(value)
