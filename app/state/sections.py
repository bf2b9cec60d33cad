"""What the editor shows where: records as forms, lists as tables. Fields come from the schema."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Table:
    """A list of the scenario as a grid. ``first`` are columns to stand first; ``fixed`` cannot be edited."""

    pattern: str
    first: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    template: dict[str, Any] = field(default_factory=dict)
    sourced: bool = True

    @property
    def key(self) -> str:
        return self.pattern.replace("[]", "").replace(".", "-")

    @property
    def nested(self) -> bool:
        """Rows belong to an entry of an outer list."""
        return "[]" in self.pattern[:-2]


@dataclass(frozen=True)
class Section:
    key: str
    forms: tuple[str, ...] = ()  # records, or single fields by their path
    tables: tuple[Table, ...] = ()


POINT = {"at": "2027-01-01", "value": 0}
SECTIONS = (
    Section(
        "basics",
        ("title", "country", "note", "horizon", "money"),
        (Table("money.carbon[]", ("from", "usd_per_t"), template={"from": "2027-01-01", "usd_per_t": 50}),),
    ),
    Section(
        "demand",
        tables=(
            Table(
                "demand[]",
                ("id", "sector", "kind", "data_class", "latency_class", "model_class", "profile", "priority"),
                template={
                    "id": "workload", "kind": "inference", "sector": "government", "data_class": "official",
                    "latency_class": "standard", "model_class": "large", "assumed": True,
                    "size": {"by": "accelerators", "points": [POINT]},
                },
            ),
            Table("demand[].size.points[]", ("at", "value"), sourced=False, template=POINT),
            Table("demand[].size", ("by",), fixed=("by",), hidden=("source",)),
            Table("models[]", ("id", "params_total_b", "params_active_b"),
                  template={"id": "own-model", "params_total_b": 100}),
            Table("rates[]", ("id", "model", "accelerator", "tokens_per_s_per_accelerator"), template={
                "id": "own-rate", "model": "gpt-oss-120b", "accelerator": "b300", "tokens_per_s_per_accelerator": 5000,
                "input_tokens_per_request": 1500, "output_tokens_per_request": 1500, "measured_on": "2026-06-01"}),
            Table("demand[].size.runs[]", ("id", "start", "deadline", "params_active_b", "tokens_b"), sourced=False),
        ),
    ),
    Section(
        "sites",
        tables=(
            Table(
                "sites[]",
                ("id", "metro"),
                template={"id": "site", "metro": "", "grid_mw": [{"from": "2027-01-01", "mw": 10}], "assumed": True},
            ),
            Table("sites[].grid_mw[]", ("from", "mw"), sourced=False, template={"from": "2027-01-01", "mw": 10}),
            Table("sites[].tariff", ("energy_usd_per_mwh_by_hour", "energy_change_pct_per_year",
                                     "network_usd_per_mwh", "capacity_usd_per_kw_year")),
            Table("sites[].power", ("redundancy",)),
            Table("sites[].power.flexible", ("id", "max_mw", "lead_months")),
            Table("sites[].power.options[]", ("id", "ways", "max_mw", "lead_months", "permit_months"),
                  template={"id": "gas-engine-dc-2026", "assumed": True}),
        ),
    ),
    Section(
        "hosts",
        tables=(
            Table(
                "hosts[]",
                ("id", "site", "mode", "owner_class", "operator", "stacks", "max_it_mw", "open_lead_months"),
                template={
                    "id": "host", "site": "", "mode": "build", "owner_class": "national-champion",
                    "operator": "national-champion", "stacks": ["champion-us-chips"], "assumed": True,
                },
            ),
        ),
    ),
    Section(
        "technology",
        tables=(
            Table("stacks[]", ("id",), template={"id": "us-cloud"}),
            Table("systems[]", ("id",), template={"id": "hgx-b300"}),
        ),
    ),
    Section(
        "supply",
        ("supply", "supply.licence"),
        (
            Table(
                "supply.quotas[]",
                ("id", "basis", "unit", "cumulative"),
                template={
                    "id": "quota", "basis": "orders", "path": [{"from": "2027-01-01", "accelerators": 1000}],
                    "assumed": True,
                },
            ),
            Table("supply.quotas[].path[]", ("from", "accelerators"), sourced=False),
            Table(
                "supply.crews[]",
                ("id", "racks_per_quarter"),
                template={"id": "crew", "racks_per_quarter": 100, "assumed": True},
            ),
        ),
    ),
    Section(
        "limits",
        ("limits",),
        (
            Table("limits.capital_musd_by_year[]", ("year", "musd"), template={"year": 2027, "musd": 1000}),
            Table("limits.carbon_t[]", ("year", "tonnes"), template={"year": 2030, "tonnes": 10000}),
            Table("limits.money[]", ("what", "musd", "year", "payer"), template={"what": "outlay", "musd": 1000}),
            Table("limits.control_floors[]", ("data_class", "workload", "min", "from"),
                  template={"data_class": "official", "min": 50}),
            Table("limits.survival[]", ("by", "share", "from", "what", "workloads"),
                  template={"by": "operator", "share": 0.5}),
            Table("limits.shares[]", ("by", "id", "max_share"), template={"by": "vendor", "id": "nvidia", "max_share": 1}),
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
        (Table("control.overrides[]", ("host", "stack", "criterion", "level"),
               template={"criterion": "1.1", "level": 3, "assumed": True}),
         Table("data_embassies[]", ("host", "guest", "classes"), template={"host": "USA", "assumed": True})),
    ),
    Section(
        "decisions",
        tables=(
            Table("decisions[]", ("id", "do", "what", "value"), template={"id": "decision", "do": "forbid", "what": "open"}),
            Table("cuts[]", ("id", "from", "what", "operators", "sites"),
                  template={"id": "loss", "from": "2030-01-01", "what": "service", "hosts": [], "assumed": True}),
        ),
    ),
    Section(
        "finance",
        ("finance", "finance.tax", "finance.currency", "finance.covenants"),
        (
            Table("finance.sources[]", ("id", "preset", "kind", "share", "amount_m"),
                  template={"id": "source", "preset": "shell-loan", "assumed": True}),
            Table("finance.revenue[]", ("id", "kind", "price_usd", "musd_per_year"),
                  template={"id": "contract", "kind": "availability", "price_usd": 3, "assumed": True}),
            Table("finance.payers[]", ("payer", "hosts", "owner_classes"), template={"payer": "state", "assumed": True}),
            Table("finance.grants[]", ("id", "payer", "date", "musd"),
                  template={"id": "grant", "payer": "partner", "date": "2027-01-01", "musd": 100, "assumed": True}),
            Table("finance.downsides[]", ("id", "what", "size"),
                  template={"id": "dearer", "what": "capex", "size": 0.2, "assumed": True}),
            Table("finance.currency.paths[]", ("currency",),
                  template={"currency": "EUR", "points": [{"at": "2027-01-01", "usd_per_unit": 1.1}], "assumed": True}),
            Table("finance.currency.paths[].points[]", ("at", "usd_per_unit"), sourced=False),
        ),
    ),
    Section("solve", ("solve",)),
)  # fmt: skip
BY_KEY = {section.key: section for section in SECTIONS}
TABLES = {table.key: table for section in SECTIONS for table in section.tables}
