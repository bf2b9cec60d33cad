"""Which layers, deals and classes decide something: pairs of runs of a small case in which only one thing changes.

    python benchmarks/levers.py [--only standards] [--write docs/levers.md]

Each pair is solved to a gap of 0.2 %, and both runs may wait as long: the second has the caps of the first, by workload,
which are its soonest service and ``delay_tolerance_months``. Else a thing that only makes the soonest service later would
be shown as saving money, for its plan were allowed to wait longer. A third run, the second within its own tolerance, says
how much later or sooner service could be. Where the second has no plan under the caps of the first, the row says so, what
the third run does, and what the thing costs where both may wait as long as the slower of the two: by workload, the longer
cap.
A thing *moves* cost, delay or control where the two plans differ by more than
the sum of both gaps (of delay and control: 0.2 % of each, and at least a hundredth of a month or point); *by* names what
is another in the two plans: host, stack, chip, agreement, or a date (of opening, ordering, adopting, serving). Where
those are the same and money alone differs, it says price only.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from planner.case.build import build_case
from planner.facts.catalog import Catalog, load_catalog
from planner.planning.pipeline import solve
from planner.planning.solve_run import Outcome
from planner.plans.plan import Plan
from planner.scenario.schema import Scenario

GAP = 0.002
LEAST = 0.01
LEAST_MONTHS = 0.05
"""Between soonest services: each is found to 0.02 weighted months."""
SHARE = 0.02
"""Of all accelerator-periods, from which on a stack, host or chip has another part in a plan."""
SMALL = """
planner: 1
name: levers
country: KOR
horizon: {start: 2027-01-01, years: 4, step: quarter}
demand:
  - {id: records, kind: inference, sector: government, language: ko, data_class: official, latency_class: standard,
     model_class: large, priority: 2, locality: {where: trusted-region},
     size: {by: accelerators, points: [{at: 2027-01-01, value: 200}, {at: 2030-12-31, value: 900}]}}
  - {id: firms, kind: inference, sector: commerce, body: private, data_class: public, latency_class: standard,
     model_class: large, locality: {where: trusted-region},
     size: {by: accelerators, points: [{at: 2027-01-01, value: 300}, {at: 2030-12-31, value: 900}]}}
sites:
  - {id: haenam, metro: KR-HNM, grid_mw: [{from: 2027-01-01, mw: 30}], grid_lead_months: 9}
  - {id: seoul, metro: KR-SEO, grid_mw: [{from: 2027-01-01, mw: 10}], grid_lead_months: 12}
  - {id: tokyo, metro: JP-TYO, grid_mw: [{from: 2027-01-01, mw: 10}]}
hosts:
  - {id: champion, site: haenam, mode: build, owner_class: national-champion, operator: champion,
     stacks: [champion-us-chips], max_it_mw: 10, open_lead_months: 3}
  - {id: venture, site: seoul, mode: colocation, owner_class: joint-venture, operator: venture,
     stacks: [us-platform-local-operator], max_it_mw: 5, open_lead_months: 6}
  - {id: cloud, site: seoul, mode: cloud, owner_class: us-operator, operator: us-operator, stacks: [us-cloud],
     open_lead_months: 3}
stacks: [{id: champion-us-chips}, {id: us-platform-local-operator}, {id: us-cloud}]
systems: [{id: hgx-b300}, {id: mi355x-8}]
limits: {delay_tolerance_months: 3}
control: {trusted_region: [JPN]}
solve: {slices: 1, open_every_periods: 1, integers: none, gap: 0.002}
"""
Changes = dict[str, Any]


@dataclass(frozen=True)
class Lever:
    """One thing that changes: what both runs have (``given``), and what the second has (``to``) in place of the first.

    Changes are paths of the scenario (``hosts.cloud.owner_class``: records by id); ``layers`` swaps layers of a stack,
    ``with_layers`` does so in both runs.
    """

    group: str
    name: str
    words: str
    to: Changes = field(default_factory=dict)
    given: Changes = field(default_factory=dict)
    layers: dict[str, tuple[str, str]] = field(default_factory=dict)
    with_layers: dict[str, tuple[str, str]] = field(default_factory=dict)


GATES: Changes = {"control.layers_gate": True}
SECRET: Changes = {**GATES, "demand.records.data_class": "secret", "control.floors.secret": 0}
NEED = {"limits.min_control": 45}
LAYERS = (
    Lever("layer", "hardware", "hardware-us-supported to hardware-national: NPUs of Korean design for US chips",
          {"hosts.champion.stacks": ["champion-national-npu"], "stacks.champion-us-chips.id": "champion-national-npu",
           "systems": [{"id": "hgx-b300"}, {"id": "mi355x-8"}, {"id": "rebel-quad-8"}]},
          {"systems": [{"id": "hgx-b300"}, {"id": "mi355x-8"}, {"id": "rebel-quad-8"}]}),
    Lever("layer", "hosting", "hosting-operated to hosting-local at leased halls: a US operator, or a joint venture",
          {"hosts.venture.owner_class": "joint-venture", "hosts.venture.operator": "venture"},
          {"hosts.venture.owner_class": "us-operator", "hosts.venture.operator": "us-operator", **NEED}),
    Lever("layer", "platform", "platform-open to platform-us-local in the champion's stack",
          layers={"champion-us-chips": ("platform-open", "platform-us-local")}, given=NEED),
    Lever("layer", "models", "models-open to models-own in the champion's stack: another model, a year to train it",
          layers={"champion-us-chips": ("models-open", "models-own")}),
    Lever("layer", "models: language", "models-us-service to models-open in the cloud's stack: Kazakh",
          layers={"us-cloud": ("models-us-service", "models-open")},
          with_layers={"us-cloud": ("applications-cloud", "applications-local")},
          given={**GATES, "demand.records.language": "kk", "demand.records.sector": "research",
                 "demand.records.data_class": "public"}),
    Lever("layer", "security", "security-provider to security-customer in the cloud's stack",
          layers={"us-cloud": ("security-provider", "security-customer")}, given=NEED),
    Lever("layer", "data", "data-cloud to data-local in the cloud's stack: secrets of the state",
          layers={"us-cloud": ("data-cloud", "data-local")},
          with_layers={"us-cloud": ("standards-provider", "standards-negotiated")}, given=SECRET),
    Lever("layer", "applications", "applications-local to applications-us in the champion's stack: health",
          layers={"champion-us-chips": ("applications-local", "applications-us")},
          given={**GATES, "demand.records.sector": "health"}),
    Lever("layer", "staff", "operators at home: two hired a quarter, or one in five quarters",
          {"supply.operators": [{"id": "people", "hires_per_quarter": 0.2}]},
          {"supply.operators": [{"id": "people", "hires_per_quarter": 2}]}),
    Lever("layer", "standards", "standards-provider to standards-negotiated in the cloud's stack: secrets of the state",
          layers={"us-cloud": ("standards-provider", "standards-negotiated")},
          with_layers={"us-cloud": ("data-cloud", "data-local")}, given=SECRET),
    Lever("layer", "exit", "the cloud may be left", {"stacks.us-cloud.exit": {}},
          {"stacks.us-cloud.platform_musd_per_year": 5, "hosts.cloud.rent_factor": 3,
           "limits.delay_tolerance_months": 1}),
)  # fmt: skip
VIETNAM: Changes = {
    "country": "VNM", "sites.haenam.metro": "VN-HAN", "sites.seoul.metro": "VN-SGN", "control.trusted_region": ["SGP"],
    "sites.tokyo.metro": "SG-SIN", "demand.records.language": "vi",
}  # fmt: skip
ABROAD = {
    "hosts.abroad": {"id": "abroad", "site": "tokyo", "mode": "cloud", "owner_class": "us-operator", "operator": "us-abroad",
                     "stacks": ["us-cloud"], "open_lead_months": 0, "rent_factor": 0.6},
}  # fmt: skip
AT_HOME = {"demand.records.locality": {"where": "in-country"}}


def signed(kind: str, **terms: Any) -> Changes:
    """An agreement on offer at a small price, which the plan may sign at once; whole, for half a signature gives half."""
    price = {"lead_months": 0, "sign_musd": 0.1, "musd_per_year": 0.05}
    return {"agreements": [{"id": "deal", "kind": kind, **price, **terms}], "solve.integers": "window"}


FORBIDDEN: Changes = {
    "decisions": [{"id": "no", "do": "forbid", "what": "agreement", "agreements": ["deal"]}]
}
OFFERED: Changes = {"decisions": []}


def offered(kind: str, given: Changes | None = None, **terms: Any) -> Changes:
    """What both runs have where the second may sign an agreement, and the first may not."""
    return {**(given or {}), **signed(kind, **terms), **FORBIDDEN}


LARGE: Changes = {
    "demand.firms.size": {"by": "accelerators", "points": [{"at": "2027-01-01", "value": 3000},
                                                           {"at": "2030-12-31", "value": 9000}]},
    "sites.haenam.grid_mw": [{"from": "2027-01-01", "mw": 60}], "hosts.champion.max_it_mw": 40,
}  # fmt: skip
ARMENIA: Changes = {
    **LARGE, **ABROAD, "hosts.abroad.rent_factor": 3, "hosts.cloud.rent_factor": 3, "country": "ARM",
    "sites.haenam.metro": "AM-HRZ", "sites.seoul.metro": "AM-EVN",
}  # fmt: skip
QUOTA = {"quota": {"accelerators": 4000}}
GRANT: Changes = {**ARMENIA, "supply.licence.quotas": "grant"}
DEALS = (
    Lever("deal", "exports-programme", "a package may be had under the programme, or not", OFFERED,
          offered("exports-programme", {
              **VIETNAM, "hosts.venture.owner_class": "us-operator", "hosts.venture.stacks": ["american-package"],
              "stacks.us-platform-local-operator.id": "american-package", "hosts.cloud.rent_factor": 6,
              "limits.delay_tolerance_months": 0, "control.floors.official": 0}, partner="USA")),
    Lever("deal", "technology-deal: licence", "no wait for licences under a deal, in place of that of the rules", OFFERED,
          offered("technology-deal", {**VIETNAM, "hosts.cloud.rent_factor": 6, "limits.delay_tolerance_months": 0},
                  partner="USA", licence_months=0)),
    Lever("deal", "technology-deal: quota", "4,000 accelerators beside the ceiling of licences, or not", OFFERED,
          offered("technology-deal", GRANT, partner="USA", **QUOTA)),
    Lever("deal", "data-embassy", "the cloud abroad may count as home for official data", OFFERED,
          offered("data-embassy", {**ABROAD, **AT_HOME, "control.floors.official": 0}, partner="JPN",
                  covers={"classes": ["official", "public"]})),
    Lever("deal", "regional-hub", "a hub abroad may be joined, or not", OFFERED,
          offered("regional-hub", {**ABROAD, "hosts.abroad.rent_factor": 0.5}, partner="JPN",
                  covers={"hosts": ["abroad"]}, capacity_accelerators=1000)),
    Lever("deal", "certificate-recognition", "the partner's certificates may make it a part of the trusted region", OFFERED,
          offered("certificate-recognition", {**ABROAD, "control.trusted_region": []}, partner="JPN")),
    Lever("deal", "escrow", "keys and operation of the cloud in local hands by contract, or not", OFFERED,
          offered("escrow", covers={"stacks": ["us-cloud"]},
                  attributes={"operator": "local", "keys": "local-hsm", "contracts": "negotiated"})),
    Lever("deal", "export-credit", "cover that opens an optional source of finance, or not", OFFERED,
          offered("export-credit", {"finance": {"payers": [], "sources": [
              {"id": "agency", "preset": "export-credit", "optional": True}]}},
                  covers={"sources": ["agency"]}, amount_musd=60)),
    Lever("deal", "content duty", "of the value ordered under a deal 95 % is American",
          signed("technology-deal", partner="USA", **QUOTA, duties={"content": [{"from": ["USA"], "share": 0.95}]}),
          {**GRANT, **signed("technology-deal", partner="USA", **QUOTA)}),
    Lever("deal", "investment duty", "a dollar invested abroad for each ordered under a deal",
          signed("technology-deal", partner="USA", **QUOTA, duties={"investment_share": 1.0}),
          {**GRANT, **signed("technology-deal", partner="USA", **QUOTA)}),
    Lever("deal", "licence quota", "more work in Armenia: licences without a ceiling, or what was granted",
          {"supply.licence.quotas": "grant"}, {**ARMENIA, "supply.licence.quotas": "none"}),
    Lever("deal", "listed parties", "the champion's exception from licences is extended, or there is none",
          {"supply.licence.exceptions": "none"}, {"country": "ARE", "sites.haenam.metro": "AE-AUH",
          "sites.seoul.metro": "AE-DXB", "supply.licence.exceptions": "extended"}),
)  # fmt: skip


def survive(by: str, what: str = "service", share: float = 0.5, **more: Any) -> Changes:
    return {"limits.survival": [{"by": by, "share": share, "what": what, "from": "2029-01-01", **more}]}


CLASSES = (
    *(Lever("class", f"survival: {by}", f"half of the service is left when one {by} is lost", survive(by),
            ABROAD if by == "country" else {})
      for by in ("site", "operator", "parent", "stack", "vendor", "country", "host", "owner-class", "system")),
    Lever("class", "survival: chip-origin", "half is left when chips of one origin are lost",
          survive("chip-origin"), {"systems": [{"id": "hgx-b300"}, {"id": "rebel-quad-8"}],
          "hosts.partner": {"id": "partner", "site": "haenam", "mode": "build", "owner_class": "national-champion",
                            "operator": "second", "stacks": ["champion-national-npu"], "open_lead_months": 3},
          "stacks.champion-national-npu": {"id": "champion-national-npu"}}),
    Lever("class", "survival: supply of a vendor", "new supply of one vendor stops for three years",
          survive("vendor", "supply", 0.9, months=24)),
    Lever("class", "data class", "official to secret: another SEAL floor", {"demand.records.data_class": "secret"}),
    Lever("class", "control floor", "a floor of 60 on official data",
          {"limits.control_floors": [{"data_class": "official", "min": 60}]}),
    Lever("class", "least control", "a floor of 55 on all work", {"limits.min_control": 55}),
    Lever("class", "cap on shares", "at most 30 % on one operator",
          {"limits.shares": [{"by": "operator", "id": "us-operator", "max_share": 0.3}]}),
)  # fmt: skip
LEVERS = (*LAYERS, *DEALS, *CLASSES)


def put(document: Changes, path: str, value: Any) -> None:
    """Sets a value; a list on the way holds records by id, and a record that is missing is added."""
    place: Any = document
    *way, last = path.split(".")
    for name in way:
        place = (
            next(r for r in place if r["id"] == name)
            if isinstance(place, list)
            else place.setdefault(name, {})
        )
    if isinstance(place, list):
        place[:] = [r for r in place if r["id"] != last] + [value]
    else:
        place[last] = value


def changed(document: Changes, changes: Changes) -> Changes:
    out = deepcopy(document)
    for path, value in changes.items():
        put(out, path, deepcopy(value))
    return out


def swapped(catalog: Catalog, layers: dict[str, tuple[str, str]]) -> Catalog:
    """The catalog with one layer of a stack in place of another."""
    frames = {name: catalog.table(name) for name in catalog.tables}
    stacks = frames["stacks"].copy()
    for stack, (old, new) in layers.items():
        own = str(stacks.at[stack, "layers"]).split(";")
        own[own.index(old)] = new
        stacks.at[stack, "layers"] = ";".join(own)
    return Catalog(frames | {"stacks": stacks}, catalog._resources)


def run(document: Changes, catalog: Catalog) -> Outcome:
    return solve(build_case(Scenario.model_validate(document), catalog), "plan")


def caps(*runs: Outcome) -> Changes:
    """The months that each workload may wait in a run, taken from its soonest plan; of several runs the longest."""
    found = [run.bounds.max_delay_months_by_workload for run in runs]
    return {"limits.max_delay_months": {w: max(one[w] for one in found) for w in found[0]}}


def later(before: Outcome, after: Outcome) -> dict[str, float]:
    """Months by which the soonest service of workloads is later, where both runs took their caps from it."""
    a, b = (run.bounds.max_delay_months_by_workload for run in (before, after))
    return {w: b[w] - a[w] for w in a if abs(b[w] - a[w]) > LEAST_MONTHS}


def moved(before: Outcome, after: Outcome) -> dict[str, float]:
    """cost (MUSD), delay (months), control (points): the difference where it is more than both gaps together."""
    if before.plan is None or after.plan is None:
        return {}
    out = {}
    for name, kpi in (("cost", "cost_npv_musd"), ("delay", "delay_months"), ("control", "control_score")):
        a, b = before.plan.kpi(kpi), after.plan.kpi(kpi)
        gaps = [max(o.gap or 0.0, GAP) if name == "cost" else GAP for o in (before, after)]
        if abs(b - a) > max(gaps[0] * abs(a) + gaps[1] * abs(b), LEAST):
            out[name] = b - a
    return out


def told(found: dict[str, float]) -> str:
    """What has moved, in words."""
    units = {"cost": "MUSD", "delay": "months", "control": "points"}
    return ", ".join(f"{name} {value:+.2f} {units[name]}" for name, value in found.items()) or "nothing"


def held(plan: Plan, by: str) -> dict[str, float]:
    """Part of all accelerator-periods by host, stack or chip."""
    fleet = plan.tables["fleet"].assign(k=lambda t: t["k"].map(plan.case.systems["accelerator"]))
    periods = fleet.groupby(by)["accelerators"].sum()
    return {str(name): float(value) for name, value in (periods / max(periods.sum(), 1e-9)).items()}


def dates(plan: Plan) -> dict[str, Any]:
    """When places open and hardware comes, and from when work is served."""
    out: dict[str, Any] = {}
    for table, keys in (
        ("opens", ["h"]),
        ("orders", ["h", "k"]),
        ("rents", ["h", "k"]),
        ("serving", ["w", "h"]),
    ):
        rows = plan.tables[table]
        rows = rows[rows["accelerators"] > 1] if "accelerators" in rows else rows
        for key, t in rows.groupby(keys)["t"].min().items():
            out[f"{table} {key}"] = t
    for a, t in plan.tables["serving"].groupby("a")["t"].max().items():
        out[f"the last work of {a}"] = t
    return out


def by_what(before: Plan, after: Plan) -> list[str]:
    """What is another in the two plans: host, stack, chip, agreement, date."""
    found = []
    for name, column in (("host", "h"), ("stack", "a"), ("chip", "k")):
        a, b = held(before, column), held(after, column)
        differ = [n for n in {**a, **b} if abs(a.get(n, 0.0) - b.get(n, 0.0)) > SHARE]
        found += [
            f"{name} {n} {100 * a.get(n, 0.0):.0f} to {100 * b.get(n, 0.0):.0f} %" for n in sorted(differ)[:2]
        ]
    for e in sorted(set(after.tables["agreements"]["e"]) ^ set(before.tables["agreements"]["e"])):
        found.append(f"agreement {e}")
    a, b = dates(before), dates(after)
    later = [n for n in a if n in b and a[n] != b[n]]
    if later:
        label = before.case.calendar.label
        found.append(f"date of {later[0]}: {label(int(a[later[0]]))} to {label(int(b[later[0]]))}")
    return found


def row(lever: Lever, catalog: Catalog) -> dict[str, str]:
    base = changed(yaml.safe_load(SMALL), lever.given)
    facts = swapped(catalog, lever.with_layers)
    out = {"what": lever.group, "thing": lever.name, "pair": lever.words, "waits": "same", "soonest": ""}
    second, its_facts = changed(base, lever.to), swapped(facts, lever.layers)
    before, within_its_own = run(base, facts), run(second, its_facts)
    if before.plan is None or within_its_own.plan is None:
        return out | {"moves": f"{before.status}, then {within_its_own.status}", "by": "no plan"}
    out["soonest"] = ", ".join(f"{w} {months:+.2f}" for w, months in later(before, within_its_own).items())
    after = run(changed(second, caps(before)), its_facts)
    first = "" if after.status != "infeasible" else "no plan at the same waits; within its own tolerance "
    if first:
        first += f"{told(moved(before, within_its_own))}; where both wait as long as that "
        longest = caps(before, within_its_own)
        before, after = run(changed(base, longest), facts), run(changed(second, longest), its_facts)
        out["waits"] = "longer"
    if before.plan is None or after.plan is None:
        return out | {"moves": f"{before.status}, then {after.status}", "by": "no plan"}
    found = moved(before, after)
    by = by_what(before.plan, after.plan)
    alone = "price only" if set(found) == {"cost"} else "the score only"
    return out | {"moves": first + told(found), "by": ("; ".join(by) or alone) if found else ""}


def table(levers: tuple[Lever, ...], catalog: Catalog) -> Iterator[dict[str, str]]:
    for lever in levers:
        began = time.process_time()
        try:
            found = row(lever, catalog)
        except Exception as error:  # a pair that cannot be made is shown, and the others go on
            found = {
                "what": lever.group,
                "thing": lever.name,
                "pair": lever.words,
                "waits": "same",
                "soonest": "",
                "moves": "ERROR",
                "by": repr(error)[:300],
            }
        print(
            f"{time.process_time() - began:5.1f} s  {found['thing']}: {found['soonest']} | {found['moves']} | {found['by']}",
            flush=True,
        )
        yield found


def kind(row: dict[str, str]) -> str:
    """What a pair has shown, for counting."""
    if row["by"] == "no plan" or row["moves"] == "ERROR":
        return "unsolved"
    alone = "nothing" if not row["by"] else row["by"] if row["by"] in ("price only", "the score only") else ""
    if row["waits"] == "longer":
        return "time alone" if alone else "time and more"
    return alone or "decides"


def page(rows: list[dict[str, str]]) -> str:
    """The table as a page of the documentation."""
    kinds = Counter(kind(r) for r in rows)
    lines = [
        "# What each layer, agreement and class decides",
        "",
        "Made by `python benchmarks/levers.py --write docs/levers.md`: pairs of runs of a small case (two workloads, a "
        "champion that builds, a venture in leased halls, a cloud) in which only the thing named changes. Halls and units "
        "are divisible, except where an agreement is offered: signatures are whole.",
        "",
        "Both runs of a pair may wait as long: the second has the caps of the first on the months that each workload "
        "waits, which are its soonest service and the tolerance of the case. A thing that only makes the soonest service "
        "later or sooner therefore saves or costs nothing by a longer or shorter wait; by how many months it moves that "
        "soonest service, by workload, has its own column (of more than "
        f"{LEAST_MONTHS:g} months; optional agreements are left out of it, for waiting is measured without them). Where "
        "there is no plan at the same waits the row says so, and what the second run does by the tolerance from its own "
        "soonest service, which is partly the price of a longer wait; then both runs are allowed that longer wait, and "
        "the last column is of those.",
        "",
        "A pair moves cost, delay or control where its plans differ by more than both gaps of 0.2 % together; the last "
        "column names what the plan decides another way, by its share of all accelerators over time, or that only money "
        "or the score moves.",
        "",
        f"At the same waits {kinds['decides']} of {len(rows)} decide another host, stack, chip, agreement or date. In "
        f"{kinds['time and more'] + kinds['time alone']} the second run has no plan at the same waits, for the thing "
        f"makes the soonest service later; where both wait as long, {kinds['time and more']} of these decide another "
        f"host, stack, chip, agreement or date. Of the others money alone moves in {kinds['price only']}, the score "
        f"alone in {kinds['the score only']}, nothing in {kinds['nothing']}"
        + (f"; {kinds['unsolved']} were not solved." if kinds["unsolved"] else "."),
    ]
    for group, title in (
        ("layer", "Layers of a stack"),
        ("deal", "Agreements and export rules"),
        ("class", "Classes"),
    ):
        lines += [
            "",
            f"## {title}",
            "",
            "| thing | only this changes | soonest service, months | moves at the same waits | decided another way |",
            "|---|---|---|---|---|",
        ]
        lines += [
            f"| {r['thing']} | {r['pair']} | {r['soonest']} | {r['moves']} | {r['by']} |"
            for r in rows
            if r["what"] == group
        ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="")
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    chosen = tuple(x for x in LEVERS if options.only in x.name or options.only == x.group)
    rows = list(table(chosen, load_catalog()))
    if options.write:
        options.write.write_text(page(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
