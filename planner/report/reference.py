"""What of docs/ is written from the code that declares it: reference.md, and the fields in scenario.md.

``make docs`` writes them (``python -m planner.report.reference docs``).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from planner.audit import COVERS
from planner.case.registry import ACCOUNTS, PURCHASES
from planner.case.schema import SCHEMA as CASE
from planner.plans.schema import SCHEMA as PLAN
from planner.report.terms import heading, term
from planner.scenario.reference import markdown as scenario_fields

HEAD = """# Reference: accounts, purchases, rules, tables

This page is written by `make docs` from what the code declares; edit `planner/case/registry.py`,
`planner/case/schema.py` and `planner/report/terms.en.json` instead."""


def markdown() -> str:
    """The whole page."""
    return "\n\n".join([HEAD, _accounts(), _purchases(), _rules(), _case_tables(), _plan_tables()]) + "\n"


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    names = list(heads)
    lines = [names, ["---"] * len(names), *(list(row) for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _accounts() -> str:
    rows = ((f"`{a.name}`", a.words, term("kind", a.kind), a.unit, a.meaning) for a in ACCOUNTS.values())
    return "## Accounts\n\n" + _table(
        ("account", "in words", "kind of payment", "unit", "what is booked"), rows
    )


def _purchases() -> str:
    rows = (
        (f"`{p.name}`", p.words, ", ".join(f"`{f}[{','.join(p.index)}]`" for f in p.families), p.domain, p.unit,
         f"`{p.account}`", f"`{p.topic}.py`")
        for p in PURCHASES
    )  # fmt: skip
    heads = ("table of the plan", "in words", "variables", "domain", "unit", "account", "module of `models/`")
    return "## What can be bought\n\n" + _table(heads, rows)


def _rules() -> str:
    rows = ((f"`{rule}`", term("rule", rule), f"`{check}`") for rule, check in sorted(COVERS.items()))
    return "## Rules of the model\n\n[model.md](model.md) states them.\n\n" + _table(
        ("rule", "in words", "rule of the audit that recomputes it"), rows
    )


def _tables(title: str, tables: Mapping[str, Iterable[tuple[str, str]]]) -> str:
    parts = [
        f"### `{name}`\n\n" + _table(("column", "meaning"), ((f"`{c}`", text) for c, text in columns))
        for name, columns in tables.items()
    ]
    return "\n\n".join([title, *parts])


def _case_tables() -> str:
    title = "## Tables of the case\n\nThe first columns of a table are its index; letters are those of [model.md](model.md)."
    tables = {
        name: [(c, f"index, {heading(c).lower()}") for c in t.keys] + list(t.columns.items())
        for name, t in CASE.items()
    }
    return _tables(title, tables)


def _plan_tables() -> str:
    title = "## Tables of a plan\n\nThese are the files of a run's `tables/`."
    return _tables(title, {name: [(c, heading(c)) for c in columns] for name, columns in PLAN.items()})


def write(docs: Path) -> None:
    """Writes reference.md, and all of scenario.md from its first table of fields on."""
    (docs / "reference.md").write_text(markdown(), encoding="utf-8")
    page, fields = docs / "scenario.md", scenario_fields().strip()
    before, first, _ = page.read_text(encoding="utf-8").partition("\n" + fields.partition("\n")[0] + "\n")
    page.write_text(f"{before}\n{fields}\n" if first else before, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
