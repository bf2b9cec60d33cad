"""``planner new``: a commented starter scenario of any country of the catalog, ready to solve and to edit.

    starter = compose("my-plan", "KEN")
    print(starter.text)           # YAML with comments on every section
    print(starter.assumptions)    # what had to be assumed, and why

Numbers come from the catalog; what the catalog cannot know is written with ``assumed: true`` and a note.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
from ruamel.yaml import YAML

from planner.case.context import Context
from planner.facts.catalog import Catalog, load_catalog
from planner.facts.errors import UnknownName
from planner.facts.fallbacks import fallback_chain, locality_gaps
from planner.facts.geography import nearest_country
from planner.facts.numbers import number
from planner.intake.scenario_file import parse_scenario
from planner.scenario.problems import InputError
from planner.scenario.schema import Host, Scenario, Site, TrainingRuns, Workload
from planner.starter.choices import OwnSite, choose_places
from planner.starter.people import demand_of_people
from planner.starter.sections import document


@dataclass(frozen=True)
class Starter:
    """The text of a starter, the scenario it holds, and what it assumes (item, value, why, path)."""

    text: str
    scenario: Scenario
    assumptions: pd.DataFrame


def compose(
    name: str, iso3: str, catalog: Catalog | None = None, own_sites: Sequence[OwnSite] = ()
) -> Starter:
    """A starter for a country of the catalog; UnknownName with a near name where it is unknown.

    The campuses stand at ``own_sites`` where some are given (the first two), else at metros of the country.
    """
    catalog = catalog or load_catalog()
    countries = catalog.table("countries")
    if iso3 not in countries.index:
        raise UnknownName(
            f"no country {iso3!r} in the catalog; did you mean {near_countries(catalog, iso3)}?"
        )
    yaml = YAML()
    yaml.width = 110
    yaml.representer.ignore_aliases = lambda _: True  # dates are values: no anchors in a file for people
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = StringIO()
    yaml.dump(
        document(
            name, iso3, catalog, demand_of_people(catalog, iso3), choose_places(catalog, iso3, own_sites)
        ),
        out,
    )
    text = out.getvalue()
    scenario = parse_scenario(text, f"{name}.yaml", catalog=catalog)
    return Starter(text, scenario, assumed_inputs(scenario, catalog))


def near_countries(catalog: Catalog, word: str) -> str:
    """Countries of the catalog that may be meant: the nearest on the map, else the most alike code or name."""
    names = catalog.table("countries")["name"]
    neighbour = nearest_country(catalog, word)
    if neighbour is not None:
        found = [neighbour]
    elif len(word) == 3:
        codes = list(names.index)
        swapped = [code for code in codes if sorted(code) == sorted(word)]
        found = swapped or get_close_matches(word, codes) or get_close_matches(word, codes, n=1, cutoff=0.0)
    else:
        titles = {str(name).upper(): str(code) for code, name in names.items()}
        found = [titles[t] for t in get_close_matches(word, list(titles), n=1, cutoff=0.0)]
    return " or ".join(f"{code!r} ({names[code]})" for code in found)


def write_starter(
    name: str,
    iso3: str,
    folder: Path | str = ".",
    catalog: Catalog | None = None,
    own_sites: Sequence[OwnSite] = (),
) -> tuple[Path, Starter]:
    """Write ``NAME.yaml``; InputError where it is there already, never overwritten."""
    path = Path(folder) / f"{name}.yaml"
    if path.exists():
        raise InputError.single(str(path), "exists already: choose another name or move it away")
    starter = compose(name, iso3, catalog, own_sites)
    with path.open("x", encoding="utf-8") as handle:
        handle.write(starter.text)
    return path, starter


PLACES = {
    "elec_price_usd_per_mwh": "elec_price_usd_per_mwh",
    "construction_musd_per_mw_it": "construction_musd_per_mw_it",
    "grid_connect_months": "grid_lead_months",
    "grid_kgco2_per_mwh": "",
    "it_import_duty_pct": "",
}
"""Facts of a country that a starter rests on, and the field of a site that takes their place; none for some."""


def assumed_inputs(scenario: Scenario, catalog: Catalog) -> pd.DataFrame:
    """Every input of a scenario that rests on an assumption: marked records, fallback values, missing rules.

    ``path`` is where the scenario states it or may state another; empty where that is for the catalog alone.
    """
    rows: list[tuple[str, Any, str, str]] = []
    marked = "marked assumed in the scenario"
    if scenario.assumed:
        many = f"{len(scenario.demand)} workloads, {len(scenario.sites)} sites, {len(scenario.hosts)} hosts"
        rows.append(("scenario", many, scenario.note or "marked assumed", "note"))
    records = (("demand", scenario.demand), ("sites", scenario.sites), ("hosts", scenario.hosts))
    for kind, entries in records:
        for record in entries:
            if record.assumed:
                path = f"{kind}[{record.id}]"
                rows.append((path, _value(record), record.note or marked, path))
    if scenario.money.assumed:
        money = scenario.money
        rows.append(("money", money.discount_rate_real, money.note or "", "money.discount_rate_real"))
    for quota in scenario.supply.quotas:
        if quota.assumed:
            steps = "; ".join(f"{number(step.accelerators)} from {step.from_}" for step in quota.path)
            path = f"supply.quotas[{quota.id}]"
            rows.append((path, steps, quota.note or marked, path))
    rows += [*_of_countries(scenario, catalog), *_without_rule(scenario, catalog)]
    return pd.DataFrame(rows, columns=["item", "value", "why", "path"])


def _of_countries(scenario: Scenario, catalog: Catalog) -> Iterator[tuple[str, Any, str, str]]:
    """Facts of a country that the catalog takes from elsewhere, by country of a site."""
    context = Context.of(scenario, catalog)
    first: dict[str, str] = {}
    for site in scenario.sites:
        first.setdefault(context.site_country(site), site.id)
    for iso3, site_id in first.items():
        table = fallback_chain(catalog, iso3, scenario.money.level)
        for r in table[table["assumed"] & table["item"].isin(PLACES)].itertuples():
            field = PLACES[str(r.item)]
            path = f"sites[{site_id}].{field}" if field else ""
            yield f"{r.title} of {iso3}", r.value, f"{r.why}; rung: {r.origin}", path


def _without_rule(scenario: Scenario, catalog: Catalog) -> Iterator[tuple[str, Any, str, str]]:
    """Bodies and classes of data for which a country has no rule on where they may be."""
    asked: dict[tuple[str, str, str], str] = {}
    for w in scenario.demand:
        if w.locality is None:
            asked.setdefault((w.country or scenario.country, w.body, w.data_class), w.id)
    for (iso3, body, data_class), workload in sorted(asked.items()):
        if (body, data_class) in locality_gaps(catalog, iso3):
            item = f"locality of {iso3}, {body} body, {data_class} data"
            yield item, "strictest", "no rule found: strictest of the class", f"demand[{workload}].locality"


def _value(record: Workload | Site | Host) -> str:
    """What is assumed of an entry: the last size of a workload, the grid of a site, who holds a host."""
    if isinstance(record, Site):
        return f"{number(record.grid_mw[-1].mw)} MW of grid" if record.grid_mw else record.metro or ""
    if isinstance(record, Host):
        return f"{record.mode}, {record.owner_class}"
    if isinstance(record.size, TrainingRuns):
        return f"{len(record.size.runs)} runs of training"
    return f"{number(record.size.points[-1].value)} {record.size.by} at the end"
