"""Form fields from the schema: label, unit, default with its source, limits; a message beside the field."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
import pandas as pd
from dash import html

from planner.app.components import kpi
from planner.facts.catalog import Catalog
from planner.facts.numbers import number
from planner.intake import fields as schema
from planner.intake.old_names import unwritten
from planner.report.field_labels import label
from planner.report.strings import known, t

FIELD = "scenario-field"
CATALOG_DEFAULTS = {
    "money.discount_rate_real": "discount_rate_real",
    "limits.delay_tolerance_months": "delay_tolerance_months",
}
"""Fields whose default is a parameter of the catalog, and which."""


def default_text(path: str, field: schema.Field, catalog: Catalog) -> str:
    """What is taken when the field is left empty, and where that comes from."""
    if path in CATALOG_DEFAULTS:
        row = catalog.table("parameters").loc[CATALOG_DEFAULTS[path]]
        value = number(float(row["value_mid"]))
        sourced = "" if pd.isna(row["source_url"]) else t("scenario.default-sourced")
        return t("scenario.default-catalog", value=value, confidence=row["confidence"], sourced=sourced)
    if field.required:
        return ""
    if field.default in (None, [], {}):
        return t("scenario.default-none") if field.kind in ("number", "integer", "date", "list") else ""
    shown = ", ".join(map(str, field.default)) if isinstance(field.default, list) else field.default
    if isinstance(shown, bool):
        shown = t("scenario.yes") if shown else t("scenario.no")
    return t("scenario.default", value=shown)


def _meaning(field: schema.Field) -> list[str]:
    """What a field means, as a sentence."""
    return [f"{field.meaning[:1].upper()}{field.meaning[1:].rstrip('.')}."] if field.meaning else []


def control(path: str, value: Any, error: str | None, catalog: Catalog, disabled: bool = False) -> Any:
    """The input for a field; its id carries the path, its ``error`` is the message beside it."""
    field = schema.field(path)
    helps = [t(f"scenario.help.{path}")] if known(f"scenario.help.{path}") else _meaning(field)
    helps += [text for text in (default_text(path, field, catalog),) if text]
    unit = field.unit
    common: dict[str, Any] = {
        "id": {"type": FIELD, "path": path},
        "label": label(field, path) + (f" ({unit})" if unit else ""),
        "description": " ".join(helps) or None,
        "error": error,
        "inputWrapperOrder": ["label", "input", "description", "error"],
        "disabled": disabled,
    }
    if field.kind == "boolean":
        shown = field.default if value is None else value
        common.pop("inputWrapperOrder")
        return dmc.Switch(checked=bool(shown), className="field-switch", **common)
    if field.kind == "choice":
        listed = ", ".join(str(next(iter(v.values()), "")) for v in value) if isinstance(value, list) else ""
        shown = None if value is None or listed else str(value)
        choices = [{"value": c, "label": choice(field, c)} for c in field.choices]
        placeholder = listed or (str(field.default) if field.default is not None else None)
        return dmc.Select(
            data=choices, value=shown, clearable=not field.required, placeholder=placeholder, **common
        )
    if field.mapping:
        common["description"] = " ".join([*helps, t("scenario.mapping-help")])
        shown = "" if value is None else str(schema.text_of(value))
        return dmc.TextInput(value=shown, debounce=True, **common)
    if field.kind in ("number", "integer"):
        return dmc.NumberInput(
            value=value if isinstance(value, int | float) else "",
            allowDecimal=field.kind == "number",
            thousandSeparator=" " if field.name not in ("price_year", "seed") else None,
            debounce=True,
            placeholder=str(field.default) if field.default is not None else None,
            **common,
        )
    if field.kind == "list":
        return dmc.TagsInput(value=[str(v) for v in value or []], clearable=True, **common)
    if field.kind == "date":
        return dmc.DateInput(value=value, valueFormat="YYYY-MM-DD", clearable=not field.required, **common)
    if path == "country":
        table = catalog.table("countries")
        countries = [
            {"value": str(i), "label": f"{name} ({i})"}
            for i, name in zip(table.index, table["name"], strict=True)
        ]
        return dmc.Select(data=countries, value=value, searchable=True, **common)
    if field.name == "note":
        return dmc.Textarea(
            value=value or "", autosize=True, minRows=2, maxRows=8, debounce=True, className="wide", **common
        )
    return dmc.TextInput(value=value or "", debounce=True, **common)


def choice(field: schema.Field, value: str) -> str:
    """The reader's word for a choice."""
    key = f"scenario.choice.{field.leaf}.{value}"
    return t(key) if known(key) else value


def record(
    path: str, doc: Any, checked: Any, value_at: Any, catalog: Catalog, disabled: bool = False
) -> html.Section:
    """The form of one record: its plain fields in a grid, its provenance below."""
    names = [f.name for f in schema.fields(path) if f.name not in schema.PROVENANCE]
    hidden = unwritten(path, names, lambda at: value_at(doc, at))
    names = [name for name in names if name not in hidden]
    assumed = bool(value_at(doc, f"{path}.assumed"))
    source = value_at(doc, f"{path}.source")
    heading = t(f"scenario.record.{path}")
    return html.Section(
        [
            html.Div(
                [
                    dmc.Title(heading, order=2, size="h3"),
                    kpi.assumed_badge() if assumed else None,
                    html.Span(t("scenario.source", source=source), className="muted small")
                    if source
                    else None,
                ],
                className="record-head",
            ),
            html.Div(
                [
                    control(
                        f"{path}.{name}",
                        value_at(doc, f"{path}.{name}"),
                        checked.of(f"{path}.{name}"),
                        catalog,
                        disabled,
                    )
                    for name in names
                ],
                className="form-grid",
            ),
        ],
        className="record",
    )
