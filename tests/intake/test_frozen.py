"""A frozen scenario, which states every default, is in order where the scenario is: no default is refused or warned of."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from ruamel.yaml import YAML

from planner.facts.catalog import load_catalog
from planner.intake.scenario_file import dump_scenario, parse_scenario, parse_with_warnings
from planner.scenario.finance import ContractKind, SourceKind
from planner.scenario.power import PowerPurchase
from planner.scenario.problems import ScenarioError
from planner.scenario.schema import Decision, Kind, Mode, MoneyCap, Scenario, Size, SupplierClass
from tests.intake.files import TOY

DRAWN = {"optional": True, "until": "2027-12-31", "tenor_years": 2, "assets": ["servers"]}
OTHERS = "champion-us-chips"
WORK = {
    "kind": "inference", "sector": "government", "data_class": "public", "latency_class": "standard", "model_class": "large",
    "profile": "assistant",
}  # fmt: skip
PATH = {"points": [{"at": "2027-01-01", "value": 20}]}
RUN = {"id": "run", "params_active_b": 8, "tokens_b": 100, "start": "2027-01-01", "deadline": "2029-01-01"}
OWN = {"owner_class": "national-champion", "operator": "champion", "stacks": [OTHERS]}
GIVEN: dict[str, dict[str, Any]] = {
    "data-embassy": {}, "exports-programme": {}, "certificate-recognition": {},
    "technology-deal": {"licence_months": 3},
    "export-credit": {"amount_musd": 5, "covers": {"sources": ["credit-drawn"]}},
    "joint-programme": {"amount_musd": 5, "covers": {"sources": ["grant-drawn"]}},
    "regional-hub": {"capacity_accelerators": 100, "covers": {"hosts": ["hub"]}},
    "escrow": {"attributes": {"model": "own"}},
}  # fmt: skip
"""What each kind of agreement asks for."""


def every_kind() -> dict[str, Any]:
    """The small example with sources, contracts, agreements, workloads, hosts, plant and limits of each kind, as short as
    each may be written."""
    toy = YAML(typ="safe").load(TOY)
    size = {"tokens-per-s": PATH, "requests-per-s": PATH, "users": PATH, "training": {"runs": [RUN]}}
    toy["demand"] += [{"id": f"by-{by}", **WORK, "size": {"by": by, **own}} for by, own in size.items()]
    toy["demand"][-1] |= {"kind": "training"}
    chips = {"by": "accelerators", **PATH}
    toy["demand"] += [{"id": kind, **WORK, "kind": kind, "size": chips} for kind in ("batch", "fine-tuning")]
    toy["sites"][0]["power"] = {
        "flexible": {"max_mw": 1},
        "options": [{"id": name, "max_mw": 20} for name in ("turbine-mobile-2026", "pv-utility-2026", "battery-4h-2026")],
        "ppas": [{"id": profile, "profile": profile, "max_mw": 1, "usd_per_mwh": 50, "term_months": 120}
                 for profile in get_args(PowerPurchase.model_fields["profile"].annotation)],
    }  # fmt: skip
    toy["sites"][1] |= {
        "power": {"redundancy": "N+1"},
        "tariff": {"network_usd_per_mwh": 5},
        "heat": {"max_mw": 1},
    }
    grid = {"grid_mw": [{"from": "2027-01-01", "mw": 5}]}
    toy["sites"] += [
        {"id": "own", "latitude": 37.5, "longitude": 127, "country": "KOR", **grid},
        {"id": "tokyo", "metro": "JP-TYO", **grid},
    ]
    toy["hosts"] += [
        {"id": "leased", "site": "seoul", "mode": "colocation", **OWN},
        {"id": "refits", "site": "haenam", "mode": "build", "standing_halls": "refit", **OWN},
        {"id": "hub", "site": "tokyo", "mode": "build", **OWN},
    ]
    toy["agreements"] = [
        {"id": kind, "kind": kind, "partner": "JPN" if kind == "regional-hub" else "USA", **own}
        for kind, own in GIVEN.items()
    ]
    toy["limits"] = {
        "money": [{"what": what, "musd": 5000} for what in get_args(MoneyCap.model_fields["what"].annotation)],
        "carbon_t": [{"tonnes": 1e7}],
        "renewable": [{"share": 0.01}],
        "efficiency": [{"measure": "pue", "most": 2}, {"measure": "wue"}],
        "control_floors": [{"data_class": "public", "min": 1}, {"workload": "assistant", "min": 1}],
        "shares": [{"by": "host", "id": "cloud", "max_share": 0.9}],
        "survival": [*({"by": by, "share": 0.1} for by in get_args(SupplierClass)),
                     {"by": "vendor", "what": "supply", "share": 0.1}],
    }  # fmt: skip
    decided = get_args(Decision.model_fields["what"].annotation)
    toy["decisions"] = [{"id": f"no-{what}", "do": "forbid", "what": what, "hosts": ["leased"]} for what in decided
                        if what not in ("stack", "agreement")]  # fmt: skip
    toy["cuts"] = [{"id": "site", "from": "2029-01-01", "sites": ["seoul"]}]
    toy["supply"] = {
        "quotas": [{"id": "all", "path": [{"from": "2027-01-01", "accelerators": 10000}]}],
        "crews": [{"id": "crew", "racks_per_quarter": 100}],
        "operators": [{"id": "people", "hires_per_quarter": 10}],
    }
    toy["finance"] = {
        "sources": [
            {"id": "own", "kind": "equity"},
            *({"id": kind, "kind": kind, "amount_m": 1} for kind in ("loan", "grant", "lease")),
            {"id": "credit", "kind": "export-credit", "amount_m": 1, "assets": ["servers"]},
            {"id": "loan-drawn", "kind": "loan", **DRAWN},
            {"id": "credit-drawn", "kind": "export-credit", **DRAWN},
            {"id": "grant-drawn", "kind": "grant", "optional": True, "amount_m": 1},
        ],
        "revenue": [
            {"id": kind, "kind": kind, **({"musd_per_year": 1} if kind == "budget" else
                                          {"price_usd": 2, "from": f"{2027 + n}-01-01", "until": f"{2027 + n}-09-30"})}
            for n, kind in enumerate(("usage", "tokens", "take-or-pay", "availability", "budget"))
        ],
        "downsides": [{"id": "late", "what": "grid-late", "size": 6}],
        "tax": {"rate": 0.2},
        "covenants": {"dsra_months": 6},
    }  # fmt: skip
    return toy


def written(scenario: dict[str, Any]) -> str:
    out = StringIO()
    YAML().dump(scenario, out)
    return out.getvalue()


def records(value: Any) -> Iterator[BaseModel]:
    if isinstance(value, BaseModel):
        yield value
        for name in type(value).model_fields:
            yield from records(getattr(value, name))
    elif isinstance(value, list | dict):
        for part in value if isinstance(value, list) else value.values():
            yield from records(part)


@pytest.fixture(scope="module")
def loaded() -> tuple[Scenario, set[tuple[str, str]]]:
    scenario, warnings = parse_with_warnings(written(every_kind()))
    return scenario, {(w.path, w.message) for w in warnings}


def test_every_kind_stands_in_the_scenario_below(loaded) -> None:
    """So that a new kind is tried too."""
    scenario, _ = loaded
    sizes = {kind.model_fields["by"].annotation for kind in get_args(get_args(Size)[0])}
    assert {s.kind for s in scenario.finance.sources} == set(get_args(SourceKind))
    assert {r.kind for r in scenario.finance.revenue} == set(get_args(ContractKind))
    assert {a.kind for a in scenario.agreements} == set(load_catalog().table("agreement_kinds").index)
    assert {h.mode for h in scenario.hosts} == set(get_args(Mode))
    assert {w.kind for w in scenario.demand} == set(get_args(Kind))
    assert {w.size.by for w in scenario.demand} == {name for size in sizes for name in get_args(size)}


def test_what_is_frozen_is_in_order_and_warned_of_no_more(loaded) -> None:
    scenario, told = loaded
    again, warnings = parse_with_warnings(dump_scenario(scenario))
    assert again == scenario
    assert {(w.path, w.message) for w in warnings} == told
    kinds = {type(record) for record in records(scenario)}
    assert len(kinds) > 40, "the scenario has records of most kinds"


@pytest.mark.parametrize("kind", ["equity", "loan", "grant"])
def test_an_empty_field_says_nothing_of_a_source(kind: str) -> None:
    text = f"{TOY}\nfinance:\n  sources:\n    - id: own\n      kind: {kind}\n      financed_share:\n      kept_years:\n"
    assert parse_scenario(text).finance.sources[0].kind == kind


def test_what_is_no_default_is_refused_of_equity() -> None:
    with pytest.raises(ScenarioError, match=r"sources\[own\].optional.*is not for equity"):
        parse_scenario(f"{TOY}\nfinance: {{sources: [{{id: own, kind: equity, optional: true}}]}}\n")
