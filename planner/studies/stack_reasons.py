"""The rows of the catalog behind a comparison of stacks: what makes cost, time and control of two stacks differ.

    catalog_rows(scenario, ("american-package", "champion-us-chips"))

One line a figure: stack, table and row of the catalog, field, value at the scenario's level (low, mid, high) and
whether the row is assumed. ``differences`` lays stacks side by side and leaves out what they share.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from planner.case.context import Context
from planner.case.licensing import licence_need
from planner.facts.catalog import Catalog
from planner.facts.errors import NotOffered
from planner.scenario.schema import Scenario
from planner.studies.stacks import FIVE, check_known, forced

OWNER = ("hardware_price_factor", "effectiveness", "operator_fee_share_per_year", "team_musd_per_year",
         "allocation_kaccel_eq_per_quarter")  # fmt: skip
OWNER_ATTRIBUTES = ("owner", "operator", "law", "seat", "capital")
COLUMNS = ["stack", "table", "row", "what", "value", "assumed"]


def catalog_rows(
    scenario: Scenario, stacks: Sequence[str] = FIVE, catalog: Catalog | None = None
) -> pd.DataFrame:
    """Every figure of the catalog (default: the scenario's) that forcing one of the stacks brings in."""
    catalog = catalog or scenario.catalog
    check_known(stacks, catalog)
    lines: list[tuple[Any, ...]] = []
    for stack in stacks:
        try:
            context = Context.of(forced(scenario, stack, catalog), catalog)
        except NotOffered:  # not offered here: the table of stacks says why
            continue
        parts = (_owners(context), _layers(context, stack), _models(context, stack), _chips(context, stack))
        lines += [(stack, *line) for part in parts for line in part]
    return pd.DataFrame(lines, columns=COLUMNS).drop_duplicates(ignore_index=True)


def differences(
    scenario: Scenario, stacks: Sequence[str] = FIVE, catalog: Catalog | None = None
) -> pd.DataFrame:
    """table, what -> one column a stack with "value (row)"; only lines on which the stacks differ."""
    rows = catalog_rows(scenario, stacks, catalog)
    text = rows["value"].map(_short) + " (" + rows["row"] + ")"
    wide = (
        rows.assign(text=text)
        .groupby(["table", "what", "stack"], sort=False)["text"]
        .agg(lambda part: "; ".join(dict.fromkeys(part)))
        .unstack("stack")
        .reindex(columns=[s for s in stacks if s in set(rows["stack"])])
    )
    values = rows.groupby(["table", "what", "stack"])["value"].agg(lambda v: tuple(map(str, v))).unstack()
    differ = values.reindex(wide.index).apply(lambda line: line.nunique(dropna=False) > 1, axis=1)
    return wide[differ].fillna("").reset_index()


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _owners(context: Context) -> Iterator[tuple[Any, ...]]:
    """Handicaps and attributes of the owner classes that hold the hosts."""
    table = context.catalog.table("owner_classes")
    for owner in dict.fromkeys(h.owner_class for h in context.scenario.hosts):
        row = table.loc[owner]
        for field in OWNER:
            value = (
                float(row[context.column("owner_classes", field)])
                if pd.notna(row[context.column("owner_classes", field)])
                else "none"
            )
            yield "owner_classes", owner, field, value, bool(row["assumed"])
        for field in OWNER_ATTRIBUTES:
            yield "owner_classes", owner, f"control: {field}", str(row[field]), bool(row["assumed"])


def _layers(context: Context, stack: str) -> Iterator[tuple[Any, ...]]:
    """Cost, lead, origin and control of every layer in the bundle."""
    table = context.catalog.table("layers").loc[
        str(context.catalog.value("stacks", stack, "layers")).split(";")
    ]
    for name, row in table.iterrows():
        kind, assumed = str(row["kind"]), bool(row["assumed"])
        for field, column in (
            ("adoption_musd", f"adoption_musd_{context.level}"),
            ("musd_per_year", f"musd_per_year_{context.level}"),
            ("usd_per_accelerator_year", f"usd_per_accelerator_year_{context.level}"),
            ("usd_per_user_year", f"usd_per_user_year_{context.level}"),
            ("lead_months", "lead_months"),
        ):
            yield "layers", str(name), f"{kind}: {field}", float(row[column]), assumed
        origin = row["origin_iso3"] if isinstance(row["origin_iso3"], str) else context.scenario.country
        yield "layers", str(name), f"{kind}: origin", origin, assumed
        if isinstance(row["control_attribute"], str):
            yield (
                "layers",
                str(name),
                f"control: {row['control_attribute']}",
                str(row["control_value"]),
                assumed,
            )


def _models(context: Context, stack: str) -> Iterator[tuple[Any, ...]]:
    """Models of the stack's own in place of the benchmark of a class, and what they do to an accelerator's work."""
    names = str(context.catalog.value("stacks", stack, "layers")).split(";")
    table = context.catalog.table("layer_models").reset_index()
    for row in table[table["layer_id"].isin(names)].to_dict("records"):
        what, assumed = f"{row['model_class']} models", bool(row["assumed"])
        yield "layer_models", row["layer_id"], f"{what}: model", str(row["model_id"]), assumed
        factor = float(row[context.column("layer_models", "rate_factor")])
        yield "layer_models", row["layer_id"], f"{what}: rate factor", factor, assumed


def _chips(context: Context, stack: str) -> Iterator[tuple[Any, ...]]:
    """Systems that may be bought, and the licence their chips need here."""
    catalog: Catalog = context.catalog
    chips = [str(catalog.value("systems", s.id, "accelerator_id")) for s in context.scenario.systems]
    yield (
        "stacks",
        stack,
        "systems",
        ", ".join(s.id for s in context.scenario.systems),
        bool(catalog.value("stacks", stack, "assumed")),
    )
    needs = [licence_need(context, h, chip, stack) for h in context.scenario.hosts for chip in chips]
    months = max((need.lead_months for need in needs if need.required), default=0.0)
    yield "licence_rules", "all hosts", "longest licence lead_months", float(months), False
    asked = max((need.reciprocal_share for need in needs), default=0.0)
    yield "licence_conditions", "all hosts", "investment per USD of hardware", float(asked), True
