"""Facts with sources, read from ``data/catalog``: one table a CSV file, described in ``datapackage.json``.

    catalog = load_catalog()
    catalog.value("systems", "gb300-nvl72", "peak_kw")
    catalog.param("availability")
    load_catalog("my-facts")  # the same with the rows of a folder of one's own laid over it

Columns carry their unit in the name; ``_low``, ``_mid``, ``_high`` span a range and mid is what the model
uses. Loading checks everything at once and raises ``CatalogError`` with all problems found.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache, cached_property
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import pandas as pd

from planner.facts.errors import PlannerError, UnknownName
from planner.facts.overlay import overlay
from planner.facts.sheets import Sheet, check_between, check_sheet, read_sheet
from planner.facts.suggest import hint

DESCRIPTOR = "datapackage.json"
pd.set_option(
    "mode.string_storage", "python"
)  # tables of a hundred rows: Arrow's calls cost more than they save


class CatalogError(PlannerError):
    """The catalog is unfit for use; ``problems`` lists every fault as ``file:line: column: message``."""

    def __init__(self, problems: list[str]):
        self.problems = problems
        super().__init__(f"{len(problems)} problem(s) in the catalog\n" + "\n".join(problems))


class Catalog:
    """Typed tables of a validated catalog. Reading never changes it: frames handed out are copies.

    Catalogs of the same content are equal, wherever they were read: also in another process. ``own_files``
    maps the names of the files of a folder of one's own to their text, ``own_cells`` the table and key of its
    rows to the columns whose source it does not say; both are empty for the packaged catalog.
    """

    def __init__(
        self,
        frames: Mapping[str, pd.DataFrame],
        resources_: Mapping[str, dict[str, Any]],
        own_files: Mapping[str, str] | None = None,
        own_cells: Mapping[tuple[str, Any], list[str]] | None = None,
    ):
        self._frames = dict(frames)
        self._resources = dict(resources_)
        self.own_files = dict(own_files or {})
        self._own_cells = dict(own_cells or {})
        self._read: dict[tuple[str, Any, str], Any] = {}
        """Cells asked for before: a case asks for the same few in every period."""

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the content of all tables, in hexadecimal."""
        digest = hashlib.sha256()
        for name, frame in self._frames.items():
            cells = {column: frame[column].tolist() for column in frame.columns}
            digest.update(json.dumps([name, cells], default=str).encode())
        return digest.hexdigest()

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Catalog) and self.hash == other.hash)

    def __hash__(self) -> int:
        return self._sizes  # the content is read only to tell catalogs of the same sizes apart

    @cached_property
    def _sizes(self) -> int:
        return hash(tuple(len(frame) for frame in self._frames.values()))

    @property
    def tables(self) -> list[str]:
        """Names of all tables, in the order of the descriptor."""
        return list(self._frames)

    def table(self, name: str) -> pd.DataFrame:
        """One table; the row index is the primary key (tuples if it has several columns), blanks are NA.

        Key columns are columns too, and the index has no name, so that both can be used freely.
        """
        return self._frame(name).copy(deep=False)  # copy-on-write: the caller's changes stay with the caller

    def value(self, name: str, key: Any, column: str) -> Any:
        """One cell; ``key`` is the primary key (a tuple if it has several columns)."""
        if (name, key, column) in self._read:
            return self._read[name, key, column]
        frame = self._frame(name)
        if column not in frame.columns:
            raise UnknownName(f"no column {column!r} in {name}{hint(column, list(frame.columns))}")
        if key not in frame.index:
            raise UnknownName(f"no row {key!r} in {name}{hint(str(key), [str(k) for k in frame.index])}")
        self._read[name, key, column] = found = frame.at[key, column]
        return found

    def param(self, name: str, level: str = "mid") -> float:
        """A single number of the table ``parameters`` at ``low``, ``mid`` or ``high``."""
        return float(self.value("parameters", name, f"value_{level}"))

    def cost_level(self, name: str, item: str, level: str) -> str:
        """The end of a range that a level of cost means: ``low`` is the cheap end of every value.

        ``item`` is a column without its ending, or a row of ``parameters``. Where cost falls as the value rises (a
        rate, an allocation) the ends change places; what is no cost (a discount rate) stays at ``mid``. Declared as
        ``x-cost`` of the table in ``datapackage.json``; all else rises with its value.
        """
        declared = self._resources[name].get("x-cost", {})
        if item in declared.get("neither", ()):
            return "mid"
        return (
            {"low": "high", "high": "low"}.get(level, level) if item in declared.get("falls", ()) else level
        )

    def fields(self, name: str) -> list[dict[str, Any]]:
        """Column descriptions of a table: name, type, unit, description, constraints."""
        self._frame(name)
        own = list(self._resources[name]["schema"]["fields"])
        joined = [
            next(f for f in self.fields(join["resource"]) if f["name"] == join["field"])
            for join in self._resources[name].get("x-joins", [])
        ]
        return [dict(f) for f in own + joined]

    def title(self, name: str) -> str:
        """Title of a table."""
        self._frame(name)
        return str(self._resources[name].get("title", name))

    def source(self, name: str, key: Any, column: str) -> str:
        """Where one cell was read: the addresses of the row that name its column, else all of the row.

        A row writes ``price: https://a ; power: https://b``: an address serves the columns that start with
        one of the words before its colon; ``assumed`` where the row has no source, ``own value`` where a folder
        of one's own has put the cell in and names none.
        """
        row = self._frame(name).loc[key]
        if column in self._own_cells.get((name, key), ()):
            return "own value"
        text = row["source_url"]
        if not isinstance(text, str):
            return "assumed"
        parts = [_scoped(part) for part in text.split(" ; ")]
        named = [url for words, url in parts if any(column.startswith(w) for w in words)]
        general = [url for words, url in parts if not words]
        return " ; ".join(named or general or [url for _, url in parts])

    def _frame(self, name: str) -> pd.DataFrame:
        if name not in self._frames:
            raise UnknownName(f"no table {name!r} in the catalog{hint(name, self.tables)}")
        return self._frames[name]


def _scoped(part: str) -> tuple[list[str], str]:
    """Columns an address is given for, and the address.

    >>> _scoped("price, lead: https://a.org")
    (['price', 'lead'], 'https://a.org')
    """
    words, colon, url = part.partition(": ")
    if not colon or words.startswith("http"):
        return [], part.strip()
    return [w.strip() for w in words.split(",")], url.strip()


def load_catalog(folder: Path | str | None = None) -> Catalog:
    """The packaged catalog (read once), with a folder of one's own laid over it; raises ``CatalogError``.

    A folder with a ``datapackage.json`` is a whole catalog and stands for itself.
    """
    return _packaged() if folder is None else _read(Path(folder))


@cache
def _packaged() -> Catalog:
    return _read(packaged_root())


def packaged_root() -> Traversable:
    """Folder of the packaged catalog."""
    return resources.files("planner.data") / "catalog"


def read_sheets(root: Traversable) -> tuple[dict[str, Any], dict[str, Sheet], list[str]]:
    """Descriptor, tables that could be read, and every problem found; nothing is raised.

    ``root`` is a whole catalog, or a folder that is laid over the packaged one (``planner.facts.overlay``).
    """
    whole = (root / DESCRIPTOR).is_file() or not isinstance(root, Path)
    descriptor, sheets, problems = _tables(root if whole else packaged_root())
    if isinstance(root, Path) and not whole:
        problems += overlay(root, sheets)
    for sheet in sheets.values():
        problems += check_sheet(sheet)
    problems += check_between(sheets, descriptor)
    return descriptor, sheets, problems


def _tables(root: Traversable) -> tuple[dict[str, Any], dict[str, Sheet], list[str]]:
    """Descriptor and tables as text, and the faults of their shape."""
    try:
        descriptor = json.loads((root / DESCRIPTOR).read_text(encoding="utf-8"))
        package = _eager(descriptor)
        paths = {r["path"] for r in package.values()}
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError) as error:
        return {}, {}, [f"{DESCRIPTOR}:1: : not a readable description of the tables: {error!r}"]
    problems = [
        f"{path.name}:1: : file is not declared in {DESCRIPTOR}{hint(path.name, sorted(paths))}"
        for path in sorted(root.iterdir(), key=lambda p: p.name)
        if path.name.endswith(".csv") and path.name not in paths
    ]
    sheets: dict[str, Sheet] = {}
    for name, resource in package.items():
        sheet, faults = read_sheet(root / resource["path"], resource)
        problems += faults
        if sheet is not None:
            sheets[name] = sheet
    return descriptor, sheets, problems


def _eager(descriptor: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Descriptions of the tables by name, without those that are read only when they are asked for (``x-lazy``)."""
    return {r["name"]: r for r in descriptor["resources"] if not r.get("x-lazy")}


def _read(root: Traversable) -> Catalog:
    descriptor, sheets, problems = read_sheets(root)
    if problems:
        raise CatalogError(problems)
    package = _eager(descriptor)
    frames = {name: _frame(sheet) for name, sheet in sheets.items()}
    for name, resource in package.items():
        for join in resource.get("x-joins", []):  # values whose licence asks for a file of their own
            other = frames[join["resource"]][join["field"]]
            frames[name][join["field"]] = other.reindex(frames[name].index)
    own_cells = {
        (name, frames[name].index[row]): columns
        for name, s in sheets.items()
        for row, columns in s.own.items()
    }
    return Catalog(frames, package, _own_files(root), own_cells)


def _own_files(root: Traversable) -> dict[str, str]:
    """Files of a folder of one's own that are part of a catalog, by name."""
    if not isinstance(root, Path) or root == packaged_root():
        return {}
    paths = [p for p in sorted(root.iterdir()) if p.suffix == ".csv" or p.name == DESCRIPTOR]
    return {p.name: p.read_text(encoding="utf-8") for p in paths}


DTYPES = {"number": "float64", "integer": "Int64", "boolean": "boolean", "date": "datetime64[ns]"}


def _frame(sheet: Sheet) -> pd.DataFrame:
    columns = {}
    for name, spec in sheet.fields.items():
        required = spec.get("constraints", {}).get("required", False)
        dtype = DTYPES.get(spec["type"], "str")
        if required and dtype in ("Int64", "boolean"):
            dtype = {"Int64": "int64", "boolean": "bool"}[dtype]
        values = sheet.cells[name] if dtype == "str" else sheet.values[name]
        columns[name] = pd.array([None if v == "" else v for v in values], dtype=dtype)
    frame = pd.DataFrame(columns)
    key = sheet.key
    frame.index = pd.Index(frame[key[0]]) if len(key) == 1 else pd.MultiIndex.from_frame(frame[key])
    frame.index.names = [None] * frame.index.nlevels  # else pandas finds the key column ambiguous in sorting
    return frame
