"""Every rule of the model as text: the rows of a tiny case, stored in `math/`, one file a rule.

A change of the mathematics shows as a change of these texts, to be read line by line. To write them anew:
`pytest tests/models/test_math.py --rewrite-math`. A new rule is written for the first case that has rows of it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from planner.case.build import build_case
from planner.models import agreements, exits, finance, levels
from planner.models.build import build_model
from planner.models.supply import DECISION_FAMILIES
from planner.solver.arrays import Arrays
from planner.solver.compile import compile_model

pytestmark = pytest.mark.untraced

STORE = Path(__file__).parent / "math"
ENDLESS = 1e20
"""Bounds beyond this are none."""

YEARS = {"step": "year"}
SECOND_SITE = {"id": "north", "metro": "KR-SEO", "grid_mw": [{"from": "2027-01-01", "mw": 10}]}


FLOOR = {"data_class": "public", "min": 20, "from": "2028-01-01"}


def decide(what: str, host: str, **more: Any) -> dict[str, Any]:
    return {"id": f"some-{what}", "do": "require", "what": what, "hosts": [host], **more}


def quota(name: str, **more: Any) -> dict[str, Any]:
    path = [{"from": "2027-01-01", "accelerators": 500}]
    return {"id": name, "unit": "accelerators", "hosts": ["champion"], "path": path, **more}


def cases(base: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Name -> what changes in the tiny scenario; the first case with rows of a rule is the one that is stored."""
    host, site, work, stack = (base[name][0] for name in ("hosts", "sites", "demand", "stacks"))
    leased = {
        **host, "id": "leased", "site": "north", "mode": "colocation", "hall_types": None, "cooling": None,
    }  # fmt: skip
    cloud = {
        "id": "cloud", "site": "south", "mode": "cloud", "owner_class": "us-operator", "operator": "us",
        "stacks": ["us-cloud"], "open_lead_months": 3, "rent_terms": ["one-year"],
    }  # fmt: skip
    rival = {**host, "id": "rival-host", "stacks": ["rival"], "owner_class": "public-agency",
             "hall_types": ["modular", "conventional"],
             "cooling": ["air-chilled-water", "direct-to-chip"]}  # fmt: skip
    return {
        "one host": {"horizon": YEARS, "limits": {"min_control": 40, "control_floors": [FLOOR]}},
        "two sites": {
            "horizon": YEARS,
            "sites": [site, SECOND_SITE],
            "hosts": [host, leased],
            "demand": [
                {**work, "survival_share": 0.5},
                {**work, "id": "nightly", "kind": "batch", "preemptible": True, "must_serve_by": None},
            ],
            "limits": {"survival": [{"by": "vendor", "what": "supply", "share": 0.3, "from": "2028-01-01"}]},
        },
        "limits": {
            "horizon": YEARS,
            "sites": [{**site, "max_it_mw": 12, "max_water_m3_per_year": 30000}, SECOND_SITE],
            "hosts": [host, leased, cloud],
            "stacks": [stack, {"id": "us-cloud", "lead_months": 3}],
            "supply": {
                "quotas": [
                    quota("by-quarter"), quota("since-start", per="total"), quota("in-a-year", per="year"),
                    quota("held", basis="capacity"),
                ],
                "crews": [{"id": "crew", "racks_per_quarter": 20}],
            },
            "limits": {
                "capital_musd_by_year": [{"year": 2028, "musd": 90}],
                "shares": [{"by": "host", "id": "cloud", "max_share": 0.25}],
            },
            "decisions": [
                decide("open", "champion"), decide("orders", "champion", value=80), decide("halls", "champion"),
                decide("rent", "cloud", value=10), decide("lease", "leased"),
                {"id": "no-us-cloud", "do": "forbid", "what": "stack", "stacks": ["us-cloud"]},
                {"id": "no-deal", "do": "forbid", "what": "agreement"},
            ],
            "agreements": [
                {"id": "deal", "kind": "technology-deal", "partner": "USA", "lead_months": 0, "licence_months": 0},
            ],
        },
        "rivals": {
            "horizon": YEARS,
            "hosts": [host, rival],
            "stacks": [stack, {"id": "rival"}],
            "systems": [*base["systems"], {"id": "cloudmatrix-384"}],
            "supply": {"licence": {"mode": "not-required", "rival_excludes": "us-chips"}},
        },
        "a fleet that retires": {
            "horizon": YEARS,
            "demand": [{**work, "must_serve_by": None}, {**work, "id": "chat", "must_serve_by": None}],
            "existing": {
                "halls": [{"id": "hall", "host": "champion", "it_mw": 2, "grid_mw": 0.3, "backup_mw": 3}],
                "fleets": [{"id": "old", "host": "champion", "stack": stack["id"], "system": "hgx-b300",
                            "accelerators": 160, "since": "2026-01-01", "retire": "2029-01-01"}],
            },
        },
        "training": {
            "horizon": YEARS,
            "hosts": [host, {**host, "id": "second"}],
            "demand": [{
                **{k: v for k, v in work.items() if k != "preemptible"}, "kind": "training", "must_serve_by": None,
                "size": {"by": "training", "runs": [
                    {"id": "one", "params_active_b": 10, "tokens_b": 1000, "start": "2028-07-01", "deadline": "2029-01-01"},
                    {"id": "two", "params_active_b": 10, "tokens_b": 2000, "start": "2029-01-01", "deadline": "2030-01-01"},
                ]},
            }],
        },
        "a standing shell": {
            "horizon": YEARS, "sites": [{**site, "shell_it_mw": 4}],
            "hosts": [{**host, "hall_types": ["modular", "retrofit"]}],
        },
        "halls that may be refitted": {
            "horizon": {**YEARS, "years": 4},
            "hosts": [{**host, "cooling": ["air-chilled-water", "direct-to-chip"], "standing_halls": "refit"}],
            "existing": {"halls": [{"id": "old", "host": host["id"], "it_mw": 3, "grid_mw": 4,
                                    "cooling": {"direct-to-chip": 1}}],
                         "fleets": [{"id": "few", "host": host["id"], "stack": stack["id"], "system": "hgx-b300",
                                     "accelerators": 80, "since": "2026-01-01", "retire": "2031-01-01"}]},
        },
        "optional sources": {
            "horizon": YEARS,
            "finance": {"sources": [
                {"id": "bank", "optional": True, "share": 0.6, "until": "2027-12-31", "tenor_years": 2,
                 "base_rate_per_year": 0.02, "margin_per_year": 0, "assets": ["servers", "halls"]},
                {"id": "agency", "optional": True, "kind": "export-credit", "content_from": ["USA"], "until": "2027-12-31",
                 "tenor_years": 2, "amount_m": 20, "base_rate_per_year": 0.02, "assets": ["servers", "halls"],
                 "local_assets": ["halls"], "local_cost_share": 0.5},
            ]},
        },
        "a stack that may be left": {
            "horizon": YEARS,
            "stacks": [{**stack, "exit": {"from": "2029-01-01", "musd": 2, "overlap_months": 0},
                        "adopt_until": "2029-01-01"}],
        },
        "agreements on orders": {
            "horizon": {"years": 3, "step": "year"},
            "systems": [*base["systems"], {"id": "mi355x-8"}],
            "supply": {"licence": {"mode": "required", "lead_months": 24}, "owner_allocations": True},
            "agreements": [
                {"id": "deal", "kind": "technology-deal", "partner": "USA", "lead_months": 0, "sign_musd": 2,
                 "licence_months": 0, "quota": {"accelerators": 500, "per": "year"}, "until": "2028-12-31", "end": "service",
                 "duties": {"content": [{"from": ["USA"], "share": 0.5}], "least_accelerators": 80,
                            "excludes_stacks": [stack["id"]]}},
                {"id": "given", "kind": "technology-deal", "partner": "USA", "optional": False, "licence_months": 0,
                 "until": "2028-12-31"},
            ],
        },
        "agreements on work": {
            "horizon": YEARS,
            "sites": [site, {**SECOND_SITE, "metro": "JP-TYO"}],
            "hosts": [host, leased],
            "agreements": [
                {"id": "embassy", "kind": "data-embassy", "partner": "JPN", "lead_months": 0, "until": "2028-12-31",
                 "end": "orders", "covers": {"classes": ["public"]}},
            ],
        },
        "a hub": {
            "horizon": YEARS,
            "sites": [site, {**SECOND_SITE, "metro": "JP-TYO"}],
            "hosts": [host, leased],
            "demand": [{**work, "locality": {"where": "anywhere"}}],
            "agreements": [
                {"id": "hub", "kind": "regional-hub", "partner": "JPN", "lead_months": 0, "covers": {"hosts": ["leased"]},
                 "capacity_accelerators": 300},
            ],
        },
        "a source under an agreement": {
            "horizon": YEARS,
            "finance": {"sources": [
                {"id": "bank", "optional": True, "share": 0.6, "until": "2027-12-31", "tenor_years": 2,
                 "base_rate_per_year": 0.02, "margin_per_year": 0, "assets": ["servers"]},
            ]},
            "agreements": [
                {"id": "cover", "kind": "export-credit", "lead_months": 0, "amount_musd": 10,
                 "covers": {"sources": ["bank"]}},
            ],
        },
        "plant of its own": {
            "horizon": YEARS,
            "sites": [{**site, "power": {"options": [
                {"id": "gas-engine-dc-2026", "max_mw": 5, "lead_months": 9, "permit_months": 3, "fuel_usd_per_mmbtu": 10,
                 "unit_mw": 2.5},
                {"id": "turbine-mobile-2026", "fuel_usd_per_mmbtu": 10},
            ], "flexible": {"max_mw": 5}}}],
        },
        "plant sold again": {
            "horizon": {**YEARS, "years": 4},
            "sites": [{**site, "grid_lead_months": 36, "power": {"options": [
                {"id": "gas-engine-dc-2026", "lead_months": 9, "permit_months": 3, "fuel_usd_per_mmbtu": 10, "unit_mw": 2.5},
            ]}}],
        },
        "a contract for energy": {
            "horizon": YEARS,
            "sites": [{**site, "power": {"flexible": {"max_mw": 5}, "ppas": [
                {"id": "farm", "profile": "wind", "max_mw": 3, "usd_per_mwh": 60, "term_months": 24, "lead_months": 12},
            ]}}],
        },
        "a spare unit": {
            "horizon": YEARS,
            "sites": [{**site, "power": {"redundancy": "N+1", "flexible": {"max_mw": 5}, "options": [
                {"id": "gas-engine-dc-2026", "lead_months": 24, "permit_months": 0, "fuel_usd_per_mmbtu": 10,
                 "unit_mw": 2.5},
            ]}}],
        },
        "storage": {
            "horizon": YEARS,
            "sites": [{**site, "power": {"options": [
                {"id": "battery-4h-2026", "lead_months": 24, "permit_months": 0, "fade_pct_per_year": 3,
                 "fade_pct_per_cycle": 0.005, "cycles_per_year": 400},
            ], "flexible": {"max_mw": 5}}}],
        },
        "storage beside units that may be lost": {
            "horizon": YEARS,
            "sites": [{**site, "power": {"redundancy": "N+1", "options": [
                {"id": "gas-engine-dc-2026", "lead_months": 24, "permit_months": 0, "fuel_usd_per_mmbtu": 10,
                 "unit_mw": 2.5},
                {"id": "battery-4h-2026", "lead_months": 24, "permit_months": 0},
            ]}}],
        },
        "efficiency": {"horizon": YEARS, "limits": {"efficiency": [{"measure": "pue", "most": 1.15, "from": "2029-01-01"}]}},
        "heat sold": {
            "horizon": YEARS,
            "country": "DEU",
            "sites": [{**site, "metro": "DE-FRA", "heat": {"max_mw": 3, "musd_per_mw": 0.5, "lead_months": 12}}],
            "hosts": [{**host, "cooling": ["air-chilled-water", "direct-to-chip"]}],
        },
        "levels": {
            "horizon": YEARS,
            "country": "KWT",
            "control": {"levels": True, "floors": {"public": 2}},
            "limits": {"control_floors": [{"data_class": "public", "min": 60, "from": "2029-01-01"}]},
            "sites": [{**site, "metro": "KW-KUW", "power": {"flexible": {"max_mw": 2}, "ppas": [
                {"id": "farm", "profile": "wind", "max_mw": 2, "usd_per_mwh": 60, "term_months": 24},
            ]}}],
            "hosts": [{**host, "cooling": ["air-chilled-water", "rear-door"]}],
        },
        "carbon": {"horizon": YEARS, "limits": {"carbon_t": [{"year": 2029, "tonnes": 9000}]}},
        "renewable": {
            "horizon": YEARS,
            "sites": [{**site, "power": {"ppas": [
                {"id": "farm", "profile": "wind", "max_mw": 2, "usd_per_mwh": 60, "term_months": 24},
            ]}}],
            "limits": {"renewable": [{"share": 0.5, "from": "2029-01-01"}]},
        },
        "a charge on the peak": {
            "horizon": {"years": 2, "step": "half-year"},
            "sites": [{**site, "tariff": {"capacity_usd_per_kw_year": 60}}],
            "hosts": [host, {**leased, "site": "south"}],
        },
        "a charge on the peak beside storage and engines": {
            "horizon": YEARS,
            "sites": [{**site, "tariff": {"capacity_usd_per_kw_year": 60}, "power": {"options": [
                {"id": "battery-4h-2026", "lead_months": 24, "permit_months": 0},
                {"id": "gas-engine-dc-2026", "lead_months": 24, "permit_months": 0, "fuel_usd_per_mmbtu": 8},
            ]}}],
        },
    }  # fmt: skip


@pytest.fixture(scope="module")
def compiled(tiny: Any, plain_catalog: Any) -> dict[str, Arrays]:
    """Name of a case -> its model as arrays."""
    base = tiny().model_dump(mode="json", exclude_none=True, by_alias=True)
    catalog = plain_catalog()
    return {
        name: compile_model(build_model(build_case(tiny(**changes), catalog))[0])
        for name, changes in cases(base).items()
    }


def plain(value: float) -> str:
    return f"{value + 0.0:.6g}"  # no minus zero


def between(name: str, lower: float, upper: float) -> str:
    """`name = 1`, `name <= 1`, `0 <= name <= 1`."""
    if lower == upper:
        return f"{name} = {plain(lower)}"
    left = f"{plain(lower)} <= " if lower > -ENDLESS else ""
    right = f" <= {plain(upper)}" if upper < ENDLESS else ""
    return f"{left}{name}{right}" if left or right else f"{name} free"


def rows_of(rule: str, arrays: Arrays) -> Iterator[str]:
    """The rows of one rule, sorted by name, then the columns in them that are not simply at least 0."""
    used: set[int] = set()
    block = arrays.rows[rule]
    names = {row: arrays.row_name(row) for row in range(block.start, block.stop)}
    for row in sorted(names, key=lambda r: names[r]):
        part = arrays.matrix[[row]].tocoo()
        terms = {arrays.column_name(c): (v, c) for c, v in zip(part.coords[1], part.data, strict=True) if v}
        yield f"{names[row]}:"
        for name, (value, column) in sorted(terms.items()):
            yield f"  {'-' if value < 0 else '+'} {plain(abs(value))} {name}"
            used.add(int(column))
        yield f"  {between('sum', arrays.row_lower[row], arrays.row_upper[row])}"
    for column in sorted(used, key=arrays.column_name):
        lower, upper, whole = arrays.col_lower[column], arrays.col_upper[column], arrays.integrality[column]
        if lower != 0 or upper < ENDLESS or whole:
            yield f"{between(arrays.column_name(column), lower, upper)}{', whole' if whole else ''}"


def text_of(rule: str, compiled: Mapping[str, Arrays]) -> str | None:
    """The rule in the first case that has rows of it; None where no case has."""
    for name, arrays in compiled.items():
        if rule in arrays.rows and arrays.rows[rule].size:
            return "\n".join([f"# case: {name}", *rows_of(rule, arrays)]) + "\n"
    return None


def rules_in(root: Path) -> set[str]:
    """Names of the rules that the model's files declare, whether or not a case has them."""
    code = "\n".join(
        path.read_text("utf-8") for path in (root / "models").glob("*.py") if path.stem != "rules"
    )
    made = {f"decide_{what}" for what in DECISION_FAMILIES} | {
        *finance.ROWS,
        *agreements.ROWS,
        *exits.ROWS,
        *levels.ROWS,
        "money_cap",
        "carbon_cap",
        "energy_drawn",
        "renewable_floor",
        "efficiency_cap",
        "heat_reuse_floor",
    }
    assert code.count(" Rule(") == len(re.findall(r"\bm\.\w+ = Rule\(", code)) + 2, (
        "a rule made in another way"
    )
    return made | set(re.findall(r"\bm\.(\w+) = Rule\(", code))


def stored() -> set[str]:
    return {path.stem for path in STORE.glob("*.txt")}


def test_every_rule_has_its_text_and_every_text_its_rule(
    root: Path, compiled: dict[str, Arrays], request: pytest.FixtureRequest
) -> None:
    declared = rules_in(root)
    assert declared == {rule for arrays in compiled.values() for rule in arrays.rows}
    texts = {rule: text_of(rule, compiled) for rule in sorted(declared)}
    without = [rule for rule, text in texts.items() if text is None]
    assert not without, f"no case above has rows of {without}: add to one what brings them"
    if request.config.getoption("rewrite_math"):
        for gone in stored() - declared:
            (STORE / f"{gone}.txt").unlink()
        for rule, text in texts.items():
            (STORE / f"{rule}.txt").write_text(text or "", encoding="utf-8")
    assert stored() == declared, (
        "run: pytest tests/models/test_math.py --rewrite-math, and read what it wrote"
    )


@pytest.mark.parametrize("rule", sorted(stored()))
def test_the_rule_is_as_stored(rule: str, compiled: dict[str, Arrays]) -> None:
    kept = (STORE / f"{rule}.txt").read_text("utf-8")
    now = text_of(rule, compiled) or ""
    change = difflib.unified_diff(kept.splitlines(), now.splitlines(), "stored", "now", n=1, lineterm="")
    assert kept == now, f"the rows of {rule} have changed:\n" + "\n".join(change)


def test_the_text_tells_a_changed_number_a_changed_bound_and_a_lost_term(compiled: dict[str, Arrays]) -> None:
    arrays = compiled["one host"]
    before = list(rows_of("site_grid", arrays))
    row = arrays.rows["site_grid"].stop - 1
    upper = arrays.row_upper.copy()
    upper[row] += 1
    matrix = arrays.matrix.copy()
    matrix.data[matrix.indptr[row]] = 0
    assert "sum <= 41" in "\n".join(rows_of("site_grid", replace(arrays, row_upper=upper)))
    assert len(list(rows_of("site_grid", replace(arrays, matrix=matrix)))) < len(before)
