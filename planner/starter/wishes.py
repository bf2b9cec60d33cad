"""What a user wants of a starter scenario, as changes of its file: people, hosts, budget, dates, control.

set_in_file(starter.text, changes(starter.scenario, Wishes(max_cost_musd=300.0, hosts=("champion-campus",))))
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from planner.facts.errors import BadValue
from planner.facts.suggest import hint
from planner.scenario.schema import Scenario, Users, Workload
from planner.starter.choices import round_figures


@dataclass(frozen=True)
class Wishes:
    """``users``: workload -> people at the end of the build-up, 0 to leave the workload out; what is not named stays.

    ``hosts``: the hosts that may be used, all of the starter where None. ``serve_by``: from when on all inference is
    to be served. ``max_cost_musd``: present value of all that the country pays. ``min_control``: 0 to 100 points.
    """

    title: str = ""
    users: Mapping[str, float] = field(default_factory=dict)
    hosts: tuple[str, ...] | None = None
    serve_by: date | None = None
    max_cost_musd: float | None = None
    min_control: float | None = None


def changes(scenario: Scenario, wishes: Wishes) -> dict[str, Any]:
    """Path -> value, None to take out; ``BadValue`` for a name the starter does not know, or nothing left."""
    wanted: dict[str, Any] = {}
    if wishes.title.strip():
        wanted["title"] = wishes.title.strip()
    for name, value in (("max_cost_musd", wishes.max_cost_musd), ("min_control", wishes.min_control)):
        if value is not None:
            wanted[f"limits.{name}"] = value
    return wanted | _demand(scenario, wishes) | _hosts(scenario, wishes.hosts)


def final_users(workload: Workload) -> float | None:
    """People at the end of the build-up; None where a workload is not stated in people."""
    return float(workload.size.points[-1].value) if isinstance(workload.size, Users) else None


def _demand(scenario: Scenario, wishes: Wishes) -> dict[str, Any]:
    known = {w.id: w for w in scenario.demand}
    for name in wishes.users:
        if name not in known:
            raise BadValue(f"no workload {name!r} in this scenario{hint(name, list(known))}")
    out: dict[str, Any] = {}
    for w in scenario.demand:
        users = wishes.users.get(w.id)
        if users is not None and users <= 0:
            out[f"demand[{w.id}]"] = None
            continue
        if users is not None and isinstance(w.size, Users) and users != (now := w.size.points[-1].value):
            points = [{"at": p.at, "value": round_figures(p.value * users / now)} for p in w.size.points[:-1]]
            out[f"demand[{w.id}].size.points"] = [*points, {"at": w.size.points[-1].at, "value": users}]
        if wishes.serve_by is not None and w.kind == "inference":
            out[f"demand[{w.id}].must_serve_by"] = wishes.serve_by
    if all(out.get(f"demand[{w.id}]", w) is None for w in scenario.demand):
        raise BadValue("nothing is left to serve: give at least one group of people a number above zero")
    return out


def _hosts(scenario: Scenario, kept: tuple[str, ...] | None) -> dict[str, Any]:
    """Takes hosts out, and with them sites without a host and caps that hold for no host."""
    if kept is None:
        return {}
    known = [host.id for host in scenario.hosts]
    for name in kept:
        if name not in known:
            raise BadValue(f"no host {name!r} in this scenario{hint(name, known)}")
    if not kept:
        raise BadValue("nobody is left who may host: keep at least one")
    out: dict[str, Any] = {f"hosts[{name}]": None for name in known if name not in kept}
    used = {host.site for host in scenario.hosts if host.id in kept}
    out |= {f"sites[{site.id}]": None for site in scenario.sites if site.id not in used}
    for quota in scenario.supply.quotas:
        left = [name for name in quota.hosts or () if name in kept]
        if quota.hosts and left != list(quota.hosts):
            path = f"supply.quotas[{quota.id}]"
            out |= {f"{path}.hosts": left} if left else {path: None}
    return out
