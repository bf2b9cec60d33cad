"""A folder of one's own laid over the packaged catalog, row by row.

A CSV file of the folder has the name of a table's file and holds its key and the columns it changes. Rows are
matched by primary key: where the key is known, the columns given replace those of the base and the others keep
their value; where it is not, the row is new and needs every required column. Nothing is taken away.

What a file says of its source holds for its rows. Where it says nothing, values changed are listed in the row's
``assumed_fields`` and new rows are marked assumed, both with a note that they are the user's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from planner.facts.sheets import PROVENANCE, Sheet, read_sheet, unique_keys
from planner.facts.suggest import hint

ESTIMATES = "assumed_fields"


def overlay(folder: Path, sheets: dict[str, Sheet]) -> list[str]:
    """Puts the rows of a folder's files into the tables; every fault of the files themselves."""
    tables = {sheet.file: sheet for sheet in sheets.values()}
    paths = sorted(folder.glob("*.csv")) if folder.is_dir() else []
    if not paths:
        what = "holds no table (a .csv file)" if folder.is_dir() else "is no folder"
        return [f"{folder}:1: : {what}: a catalog of one's own is a folder of tables"]
    problems = []
    for path in paths:
        base = tables.get(path.name)
        if base is None:
            message = f"no table of the catalog has this file{hint(path.name, sorted(tables))}"
            problems.append(f"{path}:1: : {message}")
            continue
        own, faults = read_sheet(path, base.resource, str(path), base.key)
        problems += faults
        if own is not None:
            problems += [*unique_keys(own), *_laid_over(base, own)]
    return problems


def _laid_over(base: Sheet, own: Sheet) -> Iterator[str]:
    known = {key: row for row, key in enumerate(base.keys)}
    absent = [name for name in _required(base, own) if name not in own.cells]
    for i, key in enumerate(own.keys):
        if key in known:
            _change(base, known[key], own, i)
        elif absent:
            near = hint(", ".join(key), [", ".join(k) for k in known])
            message = (
                f"no row {', '.join(key)!r} in {base.file}{near}; a new row needs {', '.join(absent)} too"
            )
            yield own.at(i, "+".join(base.key), message)
        else:
            _add(base, own, i)


def _required(base: Sheet, own: Sheet) -> list[str]:
    """Columns a new row must give; what it rests on is filled in where the file says nothing of it."""
    filled = () if _says_source(own) else PROVENANCE
    return [n for n, f in base.fields.items() if f.get("constraints", {}).get("required") and n not in filled]


def _says_source(own: Sheet) -> bool:
    return "source_url" in own.cells or "assumed" in own.cells


def _change(base: Sheet, row: int, own: Sheet, i: int) -> None:
    """Puts the columns given into a row of the base."""
    about = (*base.key, *PROVENANCE, ESTIMATES)
    changed = [n for n in own.cells if n not in about and own.cells[n][i] != base.cells[n][row]]
    given = {name: own.cells[name][i] for name in own.cells}
    estimates = [n for n in base.items(row, ESTIMATES) if n not in changed]
    if _says_source(own):
        sourced = given.get("source_url") and "assumed" not in given
        about_it = {"source_url": "", "source_date": "", "note": "", ESTIMATES: ";".join(estimates)}
        given = about_it | ({"assumed": "false"} if sourced else {}) | given
    elif changed:
        note = f"own value of {', '.join(changed)}; {base.cells['note'][row]}".removesuffix("; ")
        given |= {ESTIMATES: ";".join([*estimates, *changed]), "note": given.get("note") or note}
        base.own[row] = changed
    for name, cell in given.items():
        base.cells[name][row] = cell
    base.files[row], base.lines[row] = own.files[i], own.lines[i]


def _add(base: Sheet, own: Sheet, i: int) -> None:
    given = {name: own.cells[name][i] for name in own.cells}
    if not _says_source(own):
        given = {"assumed": "true", "confidence": "low", "note": "own row"} | {
            k: v for k, v in given.items() if v
        }
        base.own[len(base.lines)] = list(base.fields)
    for name, cells in base.cells.items():
        cells.append(given.get(name, ""))
    base.files.append(own.files[i])
    base.lines.append(own.lines[i])
