"""Names that readers see beside the ids that tables are keyed by: titles of workloads, hosts and sites."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from planner.case.places import place_of
from planner.facts.catalog import Catalog
from planner.scenario.schema import Host, Scenario, Site, Workload

TITLE = "_title"


def titles(scenario: Scenario, key: str) -> dict[str, str]:
    """Id -> title of what the column ``key`` names (w, h or p), of those that have one."""
    return {entry.id: entry.title for entry in _entries(scenario, key) if entry.title}


def spoken(scenario: Scenario, key: str) -> dict[str, str]:
    """Id -> what a sentence writes for it, of all that ``key`` (w, h or p) names: its title, else the id in words.

    A site goes by its place; of two at one place each has its id too.
    """
    if key == "p":
        places = {site.id: place_of(scenario.catalog, site).name for site in scenario.sites}
        shared = {name for name, sites in Counter(places.values()).items() if sites > 1}
        known = {id: in_words(name) if name == id else name for id, name in places.items()}
        return {id: f"{name} ({id})" if places[id] in shared else name for id, name in known.items()}
    return {entry.id: entry.title or in_words(entry.id) for entry in _entries(scenario, key)}


def _entries(scenario: Scenario, key: str) -> Sequence[Workload | Host | Site]:
    listed: dict[str, Sequence[Workload | Host | Site]] = {
        "w": scenario.demand, "h": scenario.hosts, "p": scenario.sites,
    }  # fmt: skip
    return listed[key]


def in_words(name: str) -> str:
    """An id without a title as a reader takes it."""
    return name.replace("-", " ")


NAMED_IN = {
    "stacks": ("stacks", "name"), "parents": ("countries", "name"), "chip_origins": ("countries", "name"),
    "hosts": ("h", ""), "sites": ("p", ""),
}  # fmt: skip
"""Fields of a ``Cut`` -> table and column of the catalog with names of their members, or the key of their titles."""


def member_names(scenario: Scenario, field: str, members: Sequence[str]) -> dict[str, str]:
    """Id -> name of what may be lost (``field`` of a ``Cut``): its title or catalog name, else its id in words."""
    source, column = NAMED_IN.get(field, ("", ""))
    if column:
        known = scenario.catalog.table(source)[column].astype(str).to_dict()
    else:
        known = titles(scenario, source) if source else {}
    return {name: known.get(name) or in_words(name) for name in members}


def titled(table: pd.DataFrame, scenario: Scenario) -> pd.DataFrame:
    """The table with a column ``w_title`` (``h_title``, ``p_title``) beside each id of which some have a title."""
    for key in ("w", "h", "p"):
        if key in table and f"{key}{TITLE}" not in table and (found := titles(scenario, key)):
            names = [found.get(str(id), "" if pd.isna(id) else str(id)) for id in table[key]]
            table = table.copy()
            table.insert(list(table.columns).index(key) + 1, f"{key}{TITLE}", names)
    return table


CATALOGED = {
    "k": "systems", "a": "stacks", "c": "cooling", "b": "halls", "origin_iso3": "countries",
    "content_iso3": "countries", "iso3": "countries", "stack": "stacks", "system": "systems",
    "source": "power_options",
}  # fmt: skip
"""Columns of ids that the catalog names, and its table."""
THINGS = ("systems", "stacks", "cooling", "halls", "backup", "connections", "power_options")
"""Tables of the catalog with what is bought or waited for."""
TEXTS = {
    "item": THINGS, "name": THINGS, "chain": THINGS, "after": THINGS, "systems": ("systems",),
    "content_from": ("countries",),
}  # fmt: skip
"""Columns of texts in which ids stand, and whose."""
TOKEN = re.compile(r"(?<!\[)\b\w+(?:[.-]\w+)*")
ALONE = re.compile(r"\((\w+)\)")
STEP = re.compile(r"^(open |extend |)([\w.-]+)(?=$|: )")
"""An item of a step: the host that opens or is extended, the site whose grid grows, the workload that is served."""


def names_of(catalog: Catalog, column: str) -> dict[str, str]:
    """Id -> name in the catalog of what a column holds, where no other has it; none where it names nothing of it."""
    source = CATALOGED.get(column)
    return {} if source is None else _names_in(catalog, source)


def _names_in(catalog: Catalog, table: str) -> dict[str, str]:
    names = catalog.table(table)["name"].astype(str)
    return dict(names[~names.duplicated(keep=False)].items())


def catalogued(table: pd.DataFrame, catalog: Catalog) -> pd.DataFrame:
    """The table for reading: what the catalog names by its name there, other ids as they are."""
    out = table.copy()
    for column in CATALOGED.keys() & set(out.columns):
        out[column] = out[column].map(names_of(catalog, column)).fillna(out[column])
    for column, sources in TEXTS.items():
        if column in out:
            known = {id: name for source in sources for id, name in _names_in(catalog, source).items()}
            out[column] = [_replaced(str(text), known) for text in out[column]]
    return out


def _replaced(text: str, known: Mapping[str, str]) -> str:
    return TOKEN.sub(lambda found: known.get(found[0], found[0]), text)


def _short(names: Mapping[str, str]) -> dict[str, str]:
    """Names up to their first comma; the whole where several begin alike."""
    short = {id: name.partition(", ")[0] for id, name in names.items()}
    several = {name for name, n in Counter(short.values()).items() if n > 1}
    return {id: names[id] if name in several else name for id, name in short.items()}


def spoken_text(text: str, scenario: Scenario) -> str:
    """A sentence with the names of workloads, hosts, places and what is bought in place of their ids.

    Ids in brackets are parts of a path that can be written, and stay. An id that is a word of its own ("modular") is
    taken for one only where it stands alone in parentheses.
    """
    return spoken_texts([text], scenario)[0]


def spoken_texts(texts: Iterable[str], scenario: Scenario) -> list[str]:
    """Sentences like that of ``spoken_text``; the names are looked up once for all."""
    stacks = _names_in(scenario.catalog, "stacks")
    things: dict[str, str] = {}
    for source in THINGS:
        names = _names_in(scenario.catalog, source)
        things |= names if source == "stacks" else _short(names)
    words = {id: name for id, name in things.items() if id.isalpha() and id not in stacks}
    known = {id: name for id, name in things.items() if id not in words}
    for key in ("p", "h", "w"):
        known |= spoken(scenario, key)
    alone = (ALONE.sub(lambda found: f"({words.get(found[1], found[1])})", text) for text in texts)
    return [_replaced(text, known) for text in alone]


def spoken_ids(table: pd.DataFrame, scenario: Scenario) -> pd.DataFrame:
    """The table for pages that are only read: names of the catalog, and one column of names for what the scenario names
    (``w``, ``h``, ``p``)."""
    out = catalogued(table, scenario.catalog)
    out = out.drop(columns=[f"{key}{TITLE}" for key in ("w", "h", "p")], errors="ignore")
    for key in ("w", "h", "p"):
        if key in out:
            known = spoken(scenario, key)
            out[key] = [known.get(str(id), "" if pd.isna(id) else str(id)) for id in out[key]]
    if "item" in out:
        steps = {id: name for key in ("w", "p", "h") for id, name in spoken(scenario, key).items()}
        out["item"] = [
            STEP.sub(lambda found: found[1] + steps.get(found[2], found[2]), str(text))
            for text in out["item"]
        ]
    if "payer" in out:  # who pays may be called after a host
        out["payer"] = out["payer"].replace(titles(scenario, "h"))
    return out


def labels(table: pd.DataFrame, key: str) -> dict[str, str]:
    """Id -> what a chart writes for it: the title where the table has one, else the id in words."""
    ids = table[key]
    shown = table.get(f"{key}{TITLE}", ids)
    return {id: in_words(id) if id == name else name for id, name in zip(ids, shown, strict=True)}
