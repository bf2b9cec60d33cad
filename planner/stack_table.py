"""What a nation buys into: one row a stack, from a solve that forces it, and the free optimum beside them.

    table = stack_table(load_scenario("korea.yaml"))

Forcing a stack hands every site that can be built or leased to the stack: a host whose owner may not run it
changes to the owner class that usually does, with all handicaps and terms of that class, and the systems are
those the stack supports. Nothing else changes, so every difference between rows traces to a row of the catalog
(``stacks``, ``layers``, ``owner_classes``, ``control_answers``, ``licence_rules``). What a stack may not serve
by law or by its SEAL level stays short: ``served_share`` belongs to every cost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from planner.case.build import build_case
from planner.catalog import Catalog, load_catalog
from planner.plan import Plan
from planner.scenario import Host, Scenario, StackChoice, SystemChoice
from planner.solver.ladder import Outcome, solve

FIVE = ("american-package", "us-platform-local-operator", "champion-us-chips", "partner-stack", "rival")
FREE = "free"
LIKE_POINTS = 0.5
"""Rows closer than this in control have no price between them."""
HARDWARE = ("hardware", "provider-hardware")
STACK = ("stack-adoption", "platform", "platform-licence")
SEALS = tuple(f"seal_{level}_share" for level in range(5))
COLUMNS = [
    "stack", "name", "status", "cost_npv_musd", "delay_months", "served_share", "control_score",
    "national_control", *SEALS, "first_service", "us_content_hardware", "us_content", "usd_per_accelerator_hour",
    "adoption_musd", "accelerators", "musd_per_control_point", "note",
]  # fmt: skip


def forced(scenario: Scenario, stack: str, catalog: Catalog | None = None) -> Scenario:
    """The scenario with one stack for all; raises ``ValueError`` where no site could carry it."""
    catalog = catalog or load_catalog()
    row = catalog.table("stacks").loc[stack]
    modes, owners, vendors = (str(row[c]).split(";") for c in ("modes", "owner_classes", "vendors"))
    hosts = [_host(h, stack, owners) for h in scenario.hosts if h.mode in modes]
    if not hosts:
        raise ValueError(f"{stack} is offered as {', '.join(modes)}; the scenario has no such host")
    choice = next((s for s in scenario.stacks if s.id == stack), StackChoice(id=stack))
    kept = {h.id for h in hosts}
    demand = [w.model_copy(update={"optional": True, "must_serve_by": None}) for w in scenario.demand]
    existing = scenario.existing.model_copy(
        update={
            "fleets": [], "contracts": [],
            "halls": [x for x in scenario.existing.halls if x.host in kept],
        }
    )  # fmt: skip
    return scenario.model_copy(
        update={
            "name": f"{scenario.name}-{stack}"[:60], "hosts": hosts, "stacks": [choice], "demand": demand,
            "systems": _systems(scenario, vendors, catalog), "existing": existing, "decisions": [],
            "limits": scenario.limits.model_copy(
                update={"max_delay_months": None, "min_control": None, "max_cost_musd": None, "shares": []}
            ),
            "supply": scenario.supply.model_copy(
                update={"quotas": [q for q in scenario.supply.quotas if q.hosts is None or set(q.hosts) <= kept]}
            ),
            "control": scenario.control.model_copy(update={"overrides": []}),
        }
    )  # fmt: skip


def _host(host: Host, stack: str, owners: Sequence[str]) -> Host:
    """The host under the stack; a new owner brings its class's terms, not those given for the old one."""
    if host.owner_class in owners:
        return host.model_copy(update={"stacks": [stack], "systems": None})
    terms = ("hardware_price_factor", "effectiveness", "operator_fee_share_per_year", "team_musd_per_year",
             "owner_parent", "operator_parent")  # fmt: skip
    return host.model_copy(
        update={
            "stacks": [stack],
            "systems": None,
            "owner_class": owners[0],
            "operator": owners[0],
            "attributes": {},
        }
        | dict.fromkeys(terms)
    )


def _systems(scenario: Scenario, vendors: Sequence[str], catalog: Catalog) -> list[SystemChoice]:
    """Systems of the scenario the stack supports; where there are none, all of its vendors in the catalog."""
    systems, chips = catalog.table("systems"), catalog.table("accelerators")["vendor"]

    def supported(k: str) -> bool:
        return str(chips[systems.loc[k, "accelerator_id"]]) in vendors

    own = [s for s in scenario.systems if supported(s.id)]
    return own or [SystemChoice(id=str(k)) for k in systems.index if supported(str(k))]


def us_content(plan: Plan) -> tuple[float, float]:
    """Share of US origin in hardware, and in hardware and stack together, by undiscounted value of all payers."""
    ledger = plan.tables["ledger"]
    hardware = ledger[ledger["account"].isin(HARDWARE) & (ledger["kind"] == "capex")]
    rows = [hardware[["origin_iso3", "musd"]]]
    layers = plan.case.layers
    for account in STACK:
        part = ledger[(ledger["account"] == account) & (ledger["kind"] != "residual")]
        if account != "platform-licence":
            rows.append(part[["origin_iso3", "musd"]])
            continue
        for a, paid in part.groupby("a")["musd"].sum().items():
            own = layers[layers["a"] == a]
            share = own["usd_per_accelerator_year"] / max(float(own["usd_per_accelerator_year"].sum()), 1e-9)
            rows.append(
                pd.DataFrame({"origin_iso3": own["origin_iso3"].to_numpy(), "musd": share.to_numpy() * paid})
            )
    return _american(hardware), _american(pd.concat(rows, ignore_index=True))


def _american(rows: pd.DataFrame) -> float:
    whole = float(rows["musd"].sum())
    return float(rows.loc[rows["origin_iso3"] == "USA", "musd"].sum()) / whole if whole > 0 else float("nan")


def stack_table(
    scenario: Scenario,
    stacks: Sequence[str] = FIVE,
    quality: str = "quick",
    free: bool = True,
    on_event: Callable[[dict[str, Any]], None] | None = None,
) -> pd.DataFrame:
    """One row a stack and the free optimum: cost, delay, control, SEAL shares, first service, US content.

    ``musd_per_control_point``: price of a point of control against the next cheaper row with less control.
    """
    catalog = load_catalog()
    known = catalog.table("stacks")
    unknown = [s for s in stacks if s not in known.index]
    if unknown:
        raise ValueError(f"no stack {', '.join(unknown)} in the catalog; there are {', '.join(known.index)}")
    rows = (
        [_row(FREE, "free choice of the scenario", solve(build_case(scenario), quality, on_event=on_event))]
        if free
        else []
    )
    for stack in stacks:
        name = str(known.loc[stack, "name"])
        try:
            case = build_case(forced(scenario, stack, catalog))
        except ValueError as error:
            rows.append({"stack": stack, "name": name, "status": "not offered", "note": str(error)})
            continue
        rows.append(_row(stack, name, solve(case, quality, on_event=on_event)))
    frame = pd.DataFrame(rows).reindex(columns=COLUMNS)
    return frame.assign(musd_per_control_point=_price_of_control(frame))


def _row(stack: str, name: str, outcome: Outcome) -> dict[str, Any]:
    row: dict[str, Any] = {"stack": stack, "name": name, "status": outcome.status}
    plan = outcome.plan
    if plan is None:
        return row | {"note": "; ".join(t.message for t in outcome.troubles[:2]) or "no plan"}
    for kpi in ("cost_npv_musd", "delay_months", "served_share", "control_score", "national_control", *SEALS,
                "accelerators"):  # fmt: skip
        row[kpi] = plan.kpi(kpi)
    serving = plan.tables["serving"]
    first = plan.kpi("first_service_months")
    hardware, everything = us_content(plan)
    held = float((plan.tables["fleet"]["accelerators"] * plan.case.periods["hours"].iloc[0]).sum())
    spent = plan.tables["ledger"].query("payer == 'partner' and kind != 'residual'")["musd"].sum()
    adopted = plan.tables["stacks"].query("adopted")
    return row | {
        "first_service": plan.case.calendar.label(round(first / plan.case.calendar.step_months))
        if np.isfinite(first) and len(serving) else "",
        "us_content_hardware": hardware, "us_content": everything,
        "usd_per_accelerator_hour": 1e6 * spent / held if held else float("nan"),
        "adoption_musd": float(adopted["adoption_musd"].sum()),
        "note": _left_out(plan),
    }  # fmt: skip


def _left_out(plan: Plan) -> str:
    """Workloads the stack may serve nowhere, with the first reason."""
    case = plan.case
    missing = [w for w in dict.fromkeys(case.demand["w"]) if w not in set(case.serve["w"])]
    said = []
    for w in missing:
        why = case.why_not[case.why_not["workload"] == w]
        said.append(f"{w} not served ({why['detail'].iloc[0]})" if len(why) else f"{w} not served")
    return "; ".join(said)


def _price_of_control(frame: pd.DataFrame) -> list[float]:
    """MUSD per point against the row with the next lower control that costs less; NaN where there is none."""
    prices = []
    for row in frame.itertuples():
        below = frame[
            (frame["control_score"] < row.control_score - LIKE_POINTS)
            & (frame["cost_npv_musd"] < row.cost_npv_musd)
        ]
        below = below[below["served_share"] >= float(row.served_share) - 0.01] if len(below) else below
        if not len(below):
            prices.append(float("nan"))
            continue
        best = below.loc[below["control_score"].idxmax()]
        prices.append(
            float((row.cost_npv_musd - best["cost_npv_musd"]) / (row.control_score - best["control_score"]))
        )
    return prices
