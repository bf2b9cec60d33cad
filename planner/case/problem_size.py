"""How large the model of a case will be, told from the lengths of its tables before it is written."""

from __future__ import annotations

from dataclasses import dataclass

from planner.case.case import MEDIA, Case
from planner.case.refits import emptied_rows
from planner.case.registry import PURCHASES
from planner.case.resilience import lost_offers, reserves
from planner.facts.numbers import fixed

# Non-zeros up to which a plan of 1 % gap took about this long on two cores; see docs/solver.md.
CLASSES = ((20_000, "seconds"), (120_000, "about a minute"), (500_000, "minutes"))
LONGEST = "tens of minutes or more"


@dataclass(frozen=True)
class ProblemSize:
    """Estimated rows, columns and non-zeros (within about a fifth), integers, and how long a plan may take."""

    rows: int
    columns: int
    nonzeros: int
    integers: int
    time_class: str

    def __str__(self) -> str:
        return (
            f"about {fixed(self.rows)} rows, {fixed(self.columns)} columns, {fixed(self.nonzeros)} non-zeros, "
            f"{fixed(self.integers)} integers: {self.time_class}"
        )


def problem_size(case: Case) -> ProblemSize:
    """Size of the model the case will give, without building it."""
    w = case.workloads
    slices = int((~case.slices["design"]).sum()) // max(1, case.calendar.n)
    soft = case.serve["w"].map(w["preemptible"]).astype(bool)
    reserve = reserves(case)
    held, reserved = len(reserve), len(reserve.reset_index(drop=True)[["w", "t"]].drop_duplicates())
    lost = lost_offers(case, case.serve)
    runs_on = lost[lost["supply"].astype(bool)].drop_duplicates(["i", "w", "h", "a", "k", "t"])
    late, old = len(runs_on), len(runs_on.drop_duplicates(["i", "h", "a", "k", "t"]))
    run = int(soft.sum()) * slices
    serve, fleet, orders, rents = len(case.serve), len(case.fleet), len(case.orders), len(case.rents)
    mode = case.fleet["h"].map(case.hosts["mode"])
    own = case.fleet[mode != "cloud"].reset_index(drop=True)
    places = own[["h", "t"]].drop_duplicates()
    built = int((places["h"].map(case.hosts["mode"]) == "build").sum())
    carriers = case.heat.groupby("h").size().mean() if len(case.heat) else 0.0
    technologies = case.heat.groupby("h")["c"].nunique().mean() if len(case.heat) else 0.0
    loads = len(places) * len(MEDIA) * (slices + 1)
    heat = built * carriers * (slices + 1)
    stock = len(case.host_period)
    host_links = case.serve.reset_index(drop=True)[["w", "h", "t"]].drop_duplicates()
    host_links = int(host_links["h"].isin(set(case.opens["h"]) if len(case.opens) else set()).sum())
    stack_links = len(case.serve.reset_index(drop=True)[["w", "a", "t"]].drop_duplicates())
    onsite = len(case.outputs.reset_index(drop=True)[["h", "t"]].drop_duplicates())
    kinds = case.supplies.index[case.supplies["whole"]]
    units = sum(
        int(table.set_index(["h", "g"]).index.isin(kinds).sum())
        for table in (case.plants, case.bridges, case.hires)
    )
    stores, billed = len(case.stores), len(case.peak_charges)
    losable = len(case.redundant) * case.calendar.n
    bought = {p: len(getattr(case, p.table)) for p in PURCHASES}
    plant = sum(n for p, n in bought.items() if p.price == "musd_per_mw")
    lengths = [table[table["h"].isin(set(case.opens["h"]))].groupby(["h", "works"])["t"].min()
               for table in (case.halls, case.connections)]  # fmt: skip
    permits = int(sum((case.calendar.n - first).sum() for first in lengths))
    in_time = int(sum(((case.calendar.n - first) ** 2).sum() for first in lengths))
    refitted = len(case.refits) + (
        int(case.cooling["h"].map(case.hosts["as_built"]).astype(bool).sum()) if len(case.cooling) else 0
    )
    emptied = emptied_rows(case)
    refitted += len(emptied.reset_index(drop=True)[["h", "t"]].drop_duplicates())
    columns = (
        sum(bought.values()) + orders + len(emptied) + stock + fleet + serve + run + held + reserved + late
        + len(case.demand) + len(case.stacks) + loads + heat + len(places) * slices + len(w) + 4 + len(case.outputs)
        + 2 * onsite + units + 3 * stores + billed + losable
    )  # fmt: skip
    rows = (
        3 * stock + fleet * (2 + slices) + int(soft.sum()) + len(case.demand) + host_links + stack_links + loads
        + built * len(MEDIA) * (slices + 1) + built * technologies * (slices + 1) + built * (slices + 2)
        + len(places) * slices // 4 + len(case.quotas) + len(case.crews) + orders + 2 * len(case.site_period)
        + len(case.share_caps) + len(case.control_floors) + 3 + len(w) + permits + len(case.outputs) + units
        + (2 + slices) * onsite + (3 + 1 / slices) * stores + (2 + slices) * billed + 2 * losable
        + reserved + len(case.survival) + late + old + refitted
    )  # fmt: skip
    n = case.calendar.n
    order_life = int((n - case.orders["t"]).clip(upper=case.orders["life"]).sum()) if orders else 0
    rent_life = int((n - case.rents["t"]).clip(upper=case.rents["periods"]).sum()) if rents else 0
    quotas = int(case.quota_members.index.size * n * n / 8) if len(case.quotas) else 0
    firm = serve - int(soft.sum())
    nonzeros = (
        serve * (7 + slices) + run * 3 + held * 5 + firm * slices + fleet * (2 + 2 * slices)
        + order_life + orders * 4 + rent_life + rents + quotas + loads * 3 + heat * 5
        + plant * n / 3 + (len(case.outputs) + 2 * stores + losable) * n / 3 + 6 * stores
        + stock * 8 + len(case.demand) * 3 + in_time * 0.6
        + 2 * len(lost) + 2 * len(case.survival) + 5 * late
    )  # fmt: skip
    whole = sum(n for p, n in bought.items() if p.domain == "binary")
    integers = whole + len(case.stacks) + int(case.halls["integer"].sum()) + units + losable
    label = next((text for most, text in CLASSES if nonzeros <= most), LONGEST)
    return ProblemSize(round(rows), round(columns), round(nonzeros), integers, label)
