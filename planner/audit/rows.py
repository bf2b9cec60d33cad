"""Rows of tables: the site is that of the host, the label that of the period, and what is told once stands once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from planner.audit.findings import Findings
from planner.audit.view import View

ONCE = ("cooling", "stacks", "survival", "service", "openings")
"""Tables whose sums no other topic takes."""


def check(view: View, found: Findings) -> None:
    """Every table with a site beside a host, or a label beside a period."""
    sites = view.case.hosts["p"].to_dict()
    labels = {t: view.case.calendar.label(t) for t in range(view.n)} | {view.n: "end"}
    for name in view.plan.tables:
        table = view.table(name)
        if {"p", "h"} <= set(table) and _differ(table, "p", "h", sites):
            found.same("row-site", *_texts(name, table, "p", "h", sites), "site")
        if {"label", "t"} <= set(table) and _differ(table, "label", "t", labels):
            found.same("row-label", *_texts(name, table, "label", "t", labels), "label")
    for name in ONCE:
        repeats = view.table(name).duplicated()
        if repeats.any():
            found.add("row-twice", name, int(repeats.sum()), 0.0, "the same line stands twice")


def _differ(table: pd.DataFrame, column: str, key: str, names: Mapping[Any, str]) -> bool:
    return bool(table[column].tolist() != [names.get(k, "") for k in table[key].tolist()])


def _texts(
    name: str, table: pd.DataFrame, column: str, key: str, names: Mapping[Any, str]
) -> tuple[pd.DataFrame, pd.Series, pd.Series]:
    """What a row is, the text in it and that of its key; none where there is no such key."""
    want = table[key].map(names).astype(object).fillna("")
    return pd.DataFrame({"table": name, key: table[key]}), table[column].astype(object).fillna(""), want
