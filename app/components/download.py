"""Downloads: safe cells, a row of the access log each. A cell that could run as a formula is made text."""

from __future__ import annotations

import io
from typing import Any

import dash_mantine_components as dmc
import pandas as pd
from dash import dcc

from planner.app.components.icon import icon
from planner.report.sheet_files import safe_text
from planner.report.strings import t


def csv_text(frame: pd.DataFrame) -> str:
    """The frame as CSV (UTF-8, full precision); text cells that a spreadsheet would run get a leading apostrophe."""
    safe = frame.copy()
    for name in safe.columns:
        if not pd.api.types.is_numeric_dtype(safe[name]) and not pd.api.types.is_datetime64_any_dtype(
            safe[name]
        ):
            safe[name] = [safe_text(value) for value in safe[name]]
    safe.columns = [safe_text(str(name)) for name in safe.columns]
    return str(safe.to_csv(index=False, lineterminator="\n"))


def xlsx_bytes(sheets: dict[str, pd.DataFrame]) -> bytes:
    """A workbook of plain tables, one sheet each; text never becomes a formula or a link."""
    buffer = io.BytesIO()
    options = {"strings_to_formulas": False, "strings_to_urls": False, "nan_inf_to_errors": True}
    with pd.ExcelWriter(buffer, engine="xlsxwriter", engine_kwargs={"options": options}) as writer:
        for name, frame in sheets.items():
            frame.to_excel(writer, sheet_name=name[:31], index=False, freeze_panes=(1, 0))
            writer.sheets[name[:31]].autofit()
    return buffer.getvalue()


def send(services: Any, name: str, content: str | bytes) -> dict[str, Any]:
    """What a callback returns to a ``dcc.Download``; writes the row of the access log of the export."""
    services.log_access("export", name)
    if isinstance(content, bytes):
        return dict(dcc.send_bytes(content, name))
    return dict(dcc.send_string(content, name))


def button(id: str | dict[str, str], label: str | None = None, **more: Any) -> dmc.Button:
    """A download button; pair it with ``dcc.Download`` in the page's layout."""
    look = {"variant": "default", "size": "xs", "leftSection": icon("download")} | more
    return dmc.Button(label or t("app.download"), id=id, **look)
