"""What the editor shows where: records as forms, lists as tables. Fields come from the schema."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """A list of the scenario as a grid. ``first`` are columns to stand first; ``fixed`` cannot be edited."""

    pattern: str
    first: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    sourced: bool = True
    at: str = ""
    value: str = ""
    stepped: bool = False
    """A path with ``at`` and ``value`` is shown as a row an entry and a column a date; ``stepped`` holds each value."""

    @property
    def key(self) -> str:
        return self.pattern.replace("[]", "").replace(".", "-")

    @property
    def wide(self) -> bool:
        return bool(self.at)

    @property
    def outer(self) -> str:
        """The list to whose entries the rows belong."""
        return self.pattern.partition("[]")[0]

    @property
    def nested(self) -> bool:
        """Rows belong to an entry of an outer list."""
        return "[]" in self.pattern[:-2]


@dataclass(frozen=True)
class Section:
    key: str
    forms: tuple[str, ...] = ()  # records, or single fields by their path
    tables: tuple[Table, ...] = ()


SECTIONS = (
    Section(
        "basics",
        ("name", "title", "country", "note", "horizon", "money"),
        (Table("horizon.step[]", ("step", "years"), sourced=False), Table("money.carbon[]", ("from", "usd_per_t"))),
    ),
    Section(
        "demand",
        tables=(
            Table(
                "demand[]",
                ("id", "title", "sector", "kind", "data_class", "latency_class", "model_class", "profile", "priority"),
            ),
            Table("demand[].size.points[]", sourced=False, at="at", value="value"),
            Table("demand[].size", ("by",), hidden=("source",)),
            Table("models[]", ("id", "params_total_b", "params_active_b")),
            Table("rates[]", ("id", "model", "accelerator", "tokens_per_s_per_accelerator")),
            Table("demand[].size.runs[]", ("id", "start", "deadline", "params_active_b", "tokens_b"), sourced=False),
        ),
    ),
    Section(
        "sites",
        tables=(
            Table("sites[]", ("id", "title", "metro")),
            Table("sites[].grid_mw[]", sourced=False, at="from", value="mw", stepped=True),
            Table("sites[].tariff", ("energy_usd_per_mwh_by_hour", "energy_change_pct_per_year",
                                     "network_usd_per_mwh", "capacity_usd_per_kw_year")),
            Table("sites[].heat", ("max_mw", "usd_per_mwh", "musd_per_mw", "from", "least_share")),
            Table("sites[].power", ("redundancy",)),
            Table("sites[].power.flexible", ("id", "max_mw", "lead_months")),
            Table("sites[].power.ppas[]", ("id", "profile", "max_mw", "usd_per_mwh", "term_months")),
            Table("sites[].power.options[]", ("id", "ways", "max_mw", "lead_months", "permit_months")),
        ),
    ),
    Section(
        "hosts",
        tables=(
            Table(
                "hosts[]",
                ("id", "title", "site", "mode", "owner_class", "operator", "stacks", "max_it_mw", "open_lead_months"),
            ),
            Table("hosts[].refit", ("musd_per_mw", "lead_months", "outage_months"), sourced=False),
        ),
    ),
    Section(
        "technology",
        tables=(
            Table("stacks[]", ("id", "adopt_until")),
            Table("stacks[].exit", ("from", "musd", "overlap_months", "moving_months")),
            Table("systems[]", ("id",)),
        ),
    ),
    Section(
        "supply",
        ("supply", "supply.licence"),
        (
            Table(
                "supply.quotas[]",
                ("id", "basis", "unit", "cumulative"),
            ),
            Table("supply.quotas[].path[]", ("from", "accelerators"), sourced=False),
            Table(
                "supply.crews[]",
                ("id", "racks_per_quarter"),
            ),
            Table("supply.operators[]", ("id", "people", "hires_per_quarter", "training_months")),
        ),
    ),
    Section(
        "limits",
        ("limits",),
        (
            Table("limits.capital_musd_by_year[]", ("year", "musd")),
            Table("limits.carbon_t[]", ("year", "tonnes")),
            Table("limits.renewable[]", ("share", "match", "from")),
            Table("limits.efficiency[]", ("measure", "most", "sites", "from")),
            Table("limits.money[]", ("what", "musd", "year", "payer")),
            Table("limits.control_floors[]", ("data_class", "workload", "min", "from")),
            Table("limits.survival[]", ("by", "share", "from", "what", "workloads")),
            Table("limits.shares[]", ("by", "id", "max_share")),
        ),
    ),
    Section(
        "existing",
        tables=(
            Table("existing.fleets[]", ("id", "host", "stack", "system", "accelerators")),
            Table("existing.halls[]", ("id", "host", "it_mw", "grid_mw")),
            Table("existing.contracts[]", ("id", "host", "stack", "system", "accelerators")),
        ),
    ),
    Section(
        "control",
        (
            "control", "control.floors.public", "control.floors.official", "control.floors.sensitive",
            "control.floors.secret",
        ),
        (Table("control.overrides[]", ("host", "stack", "criterion", "level")),),
    ),
    Section(
        "decisions",
        tables=(
            Table("agreements[]", ("id", "kind", "partner", "optional", "from", "until", "sign_musd", "musd_per_year")),
            Table("agreements[].covers", ("hosts", "stacks", "vendors", "countries", "classes", "sources")),
            Table("agreements[].quota", ("accelerators", "unit", "per")),
            Table("agreements[].duties", ("investment_share", "least_accelerators", "excludes_stacks")),
            Table("agreements[].duties.content[]", ("from", "share"), sourced=False),
            Table("decisions[]", ("id", "do", "what", "value")),
            Table("cuts[]", ("id", "from", "what", "operators", "sites")),
        ),
    ),
    Section(
        "finance",
        ("finance", "finance.tax", "finance.currency", "finance.covenants"),
        (
            Table("finance.sources[]", ("id", "preset", "kind", "share", "amount_m")),
            Table("finance.revenue[]", ("id", "kind", "price_usd", "musd_per_year")),
            Table("finance.payers[]", ("payer", "hosts", "owner_classes")),
            Table("finance.grants[]", ("id", "payer", "date", "musd")),
            Table("finance.downsides[]", ("id", "what", "size")),
            Table("finance.currency.paths[]", ("currency",)),
            Table("finance.currency.paths[].points[]", ("at", "usd_per_unit"), sourced=False),
        ),
    ),
    Section("solve", ("solve",)),
)  # fmt: skip
BY_KEY = {section.key: section for section in SECTIONS}
TABLES = {table.key: table for section in SECTIONS for table in section.tables}


def place_of(path: str) -> tuple[str, str | None]:
    """Where a path of a scenario is edited: key of the section, and of the table if it is in one; else the text."""
    found: list[tuple[int, str, str | None]] = []
    for section in SECTIONS:
        for table in section.tables:
            pattern = re.escape(table.pattern.removesuffix("[]")).replace(re.escape("[]"), r"\[[^\]]+\]")
            if re.match(rf"{pattern}(?:$|[.\[])", path):
                found.append((len(table.pattern), section.key, table.key))
        for form in section.forms:
            if path == form or path.startswith(f"{form}."):
                found.append((len(form), section.key, None))
    return max(found, key=lambda one: one[0])[1:] if found else ("yaml", None)
