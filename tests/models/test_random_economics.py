"""Random scenarios: names and the money unit change nothing, what is relaxed or added never costs more, audits are clean.

One in `make test`; a hundred with `make test-all` (or ``pytest -m slow tests/models/test_random_economics.py``).
"""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest

from planner.audit import audit
from planner.case.build import build_case
from planner.facts.catalog import Catalog
from planner.planning.pipeline import solve
from planner.scenario.schema import Scenario
from planner.solver.solution import Status

pytestmark = pytest.mark.untraced

QUICK, ALL = 1, 100
SEEDS = [*range(QUICK), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(QUICK, ALL))]
NAMES = {"south": "z-site", "north": "a-site", "champion": "zz", "second": "aa", "work": "w9", "state": "w1"}


def drawn(plain: dict[str, Any], seed: int) -> dict[str, Any]:
    """A scenario of two sites and a cloud with sizes, dates, prices, limits and classes at random."""
    pick = random.Random(seed)
    site, host, work = plain["sites"][0], plain["hosts"][0], plain["demand"][0]
    sites = [
        {**site, "id": name, "metro": metro, "elec_price_usd_per_mwh": pick.uniform(40, 250),
         "construction_musd_per_mw_it": pick.uniform(5, 16), "grid_lead_months": pick.choice([0, 6, 12, 24]),
         "grid_mw": [{"from": "2027-01-01", "mw": pick.uniform(5, 60)}]}
        for name, metro in (("south", "KR-HNM"), ("north", "KR-SEO"))
    ]  # fmt: skip
    hosts = [
        {**host, "id": name, "site": at, "open_cost_musd": pick.uniform(0, 40), "open_lead_months": pick.choice([0, 6, 9]),
         "team_musd_per_year": pick.uniform(0, 8), "hardware_price_factor": pick.uniform(0.9, 1.4)}
        for name, at in (("champion", "south"), ("second", "north"))
    ]  # fmt: skip
    hosts.append({
        "id": "cloud", "site": "south", "mode": "cloud", "owner_class": "us-operator", "operator": "us",
        "stacks": ["us-cloud"], "open_lead_months": 3, "rent_factor": pick.uniform(0.4, 3),
    })  # fmt: skip
    demand = [
        {**work, "id": name, "priority": pick.choice([1, 2, 3]), "preemptible": pick.random() < 0.3,
         "must_serve_by": pick.choice(["2028-01-01", "2028-07-01", "2029-01-01"]),
         "size": {"by": "accelerators", "points": [{"at": "2027-01-01", "value": pick.uniform(50, 900)},
                                                   {"at": "2029-12-31", "value": pick.uniform(50, 2500)}]}}
        for name in ("work", "state")
    ]  # fmt: skip
    if pick.random() < 0.4:
        demand[1] |= {"survival_share": pick.uniform(0.1, 0.6), "survive_from": "2028-07-01"}
    stack = {
        "id": "us-cloud",
        "adoption_musd": 1,
        "platform_musd_per_year": pick.uniform(0, 6),
        "lead_months": 3,
    }
    limits: dict[str, Any] = {"min_control": pick.uniform(0, 45)} if pick.random() < 0.6 else {}
    if pick.random() < 0.3:
        limits["capital_musd_total"] = pick.uniform(80, 400)
    return {**copy.deepcopy(plain), "sites": sites, "hosts": hosts, "demand": demand, "limits": limits,
            "stacks": [*plain["stacks"], stack], "money": {"discount_rate_real": pick.uniform(0, 0.15)}}  # fmt: skip


def renamed(plain: dict[str, Any]) -> dict[str, Any]:
    """Other ids, in another order of the alphabet, and every list turned round."""
    text = json.dumps(plain)
    for old, new in NAMES.items():
        text = text.replace(f'"{old}"', f'"{new}"')
    out: dict[str, Any] = json.loads(text)
    for key in ("sites", "hosts", "demand", "stacks", "systems"):
        out[key].reverse()
    return out


def relaxed(plain: dict[str, Any]) -> dict[str, Any]:
    """No floor on control, no cap on capital, no survival."""
    out = {**copy.deepcopy(plain), "limits": {}}
    for work in out["demand"]:
        work["survival_share"] = 0
    return out


def enlarged(plain: dict[str, Any]) -> dict[str, Any]:
    """Another system and another cloud."""
    out = copy.deepcopy(plain)
    out["systems"].append({"id": "gb300-nvl72"})
    out["hosts"].append({**out["hosts"][-1], "id": "another-cloud", "rent_factor": 0.8})
    return out


def twice(value: Any) -> Any:
    """Every amount of money of a scenario doubled."""
    if isinstance(value, list):
        return [twice(v) for v in value]
    if not isinstance(value, dict):
        return value
    return {
        k: 2 * v if "usd" in k and isinstance(v, int | float) and not isinstance(v, bool) else twice(v)
        for k, v in value.items()
    }


def dearer(catalog: Catalog) -> Catalog:
    """Every price of the catalog doubled: columns and parameters whose unit holds USD."""
    frames = {name: catalog.table(name).copy() for name in catalog.tables}
    for name, frame in frames.items():
        for field in catalog.fields(name):
            if "USD" in str(field.get("unit", "")) and field["name"] in frame:
                frame[field["name"]] = frame[field["name"]] * 2
    dear = frames["parameters"]["unit"].astype(str).str.contains("USD")
    for column in ("value_low", "value_mid", "value_high"):
        frames["parameters"].loc[dear, column] *= 2
    return Catalog(frames, catalog._resources)


@pytest.mark.parametrize("seed", SEEDS)
def test_economic_properties(tiny, plain_catalog, optimise, seed: int) -> None:
    catalog = plain_catalog()
    plain = drawn(tiny().model_dump(mode="json", exclude_none=True, by_alias=True), seed)

    def cost(what: dict[str, Any], facts: Catalog = catalog) -> float | None:
        answer = optimise(Scenario.model_validate(what), facts)
        assert answer.status in (Status.OPTIMAL, Status.INFEASIBLE)
        return answer.objective if answer.status is Status.OPTIMAL else None

    base = cost(plain)
    for change, factor, facts in ((renamed, 1, catalog), (twice, 2, dearer(catalog))):
        assert cost(change(plain), facts) == (
            None if base is None else pytest.approx(factor * base, rel=1e-6)
        )
    if base is not None:
        assert cost(relaxed(plain)) <= base * (1 + 1e-6) + 1e-6
        assert cost(enlarged(plain)) <= base * (1 + 1e-6) + 1e-6
    outcome = solve(build_case(Scenario.model_validate(plain), catalog), quality="quick")
    assert outcome.status in (("infeasible",) if base is None else ("optimal", "feasible"))
    if outcome.plan is not None:
        violations = audit(outcome.plan)
        assert not len(violations), violations.head().to_string()
