"""Hosts that are not offered for a cap on PUE or water or a share of heat to reuse: the least values that open each."""

from __future__ import annotations

from collections.abc import Iterator

from planner.case.case import Case
from planner.case.context import Context
from planner.case.efficiency import Gap, efficiency_gaps
from planner.case.heat_reuse import reuse_gap
from planner.explain.causes import Cause
from planner.explain.resource_limits import stated_caps
from planner.scenario.schema import Host

LEAST_SCALE = 0.1
"""What the change of a smaller cap is measured by."""


def openings(case: Case) -> list[list[Cause]]:
    """The changes that open each host that is shut so, all of a host together, the smallest share first.

    A cap opens at what the best cooling of the host comes to over a year, to three decimals. Hosts that the same values open
    are told once.
    """
    context = Context.of(case.scenario, case.catalog)
    shut = set(case.why_not.loc[case.why_not["reason"] == "efficiency", "host"])
    found = [list(_opening(context, host)) for host in case.scenario.hosts if host.id in shut]
    told = {tuple((c.path, str(c.new)) for c in changes): changes for changes in reversed(found)}
    return sorted(told.values(), key=lambda changes: sum(c.share or 0.0 for c in changes))


def _opening(context: Context, host: Host) -> Iterator[Cause]:
    gaps = efficiency_gaps(context, host)
    laws = [gap for gap in gaps if gap.stated < 0]
    if laws:  # a stated cap takes the place of a law at the sites it names
        own = [{"measure": gap.measure, "sites": [host.site], "most": gap.reached} for gap in laws]
        rows = [*stated_caps(context.scenario), *own]
        share = sum(gap.reached / gap.most - 1.0 for gap in laws)
        yield _cause(
            "limits.efficiency", None, rows, share, f"{host.id} is shut: {'; '.join(map(str, laws))}"
        )
    for gap in gaps:
        if gap.stated >= 0:
            path = f"limits.efficiency[{gap.stated}].most"
            yield _cause(path, gap.most, gap.reached, _share(gap), f"{host.id} is shut: {gap}")
    if owed := reuse_gap(context, host):
        taker = context.site(host.site).heat
        before = None if taker is None else taker.least_share
        yield _cause(f"sites[{host.site}].heat.least_share", before, 0.0, 1.0, f"{host.id} is shut: {owed}")


def _share(gap: Gap) -> float:
    return (gap.reached - gap.most) / max(gap.most, LEAST_SCALE)


def _cause(path: str, value: float | None, new: object, share: float, text: str) -> Cause:
    return Cause("efficiency", path, value, new, "", share, share, text)
