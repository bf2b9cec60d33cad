"""Heat that is sold: no more than liquid loops, recovery and takers allow, and the share of a year that is asked."""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.audit.book import Book
from planner.audit.findings import Findings
from planner.audit.power import liquid_energy
from planner.audit.view import View, each_period, labelled, over, total

HT, HTS = ["h", "t"], ["h", "t", "s"]
RECOVERY = "heat-recovery"

COVERS = {"reuse_source": "reuse-source", "reuse_capacity": "reuse-capacity", "heat_taker": "heat-taker",
          "heat_reuse_floor": "heat-reuse-floor"}  # fmt: skip
"""Rules of the model that are recomputed here, and the rule of the audit that does."""


def check(view: View, found: Findings) -> None:
    """Heat given in every slice, and its share of a year's energy."""
    table = view.table("reuse")
    if len(table):
        _given(view, found, table)
    _floors(view, found, table)


def _given(view: View, found: Findings, table: pd.DataFrame) -> None:
    keys = [*HTS]
    takers, slices = view.case.takers, view.typical[["t", "s"]]
    places = view.case.hosts.reset_index(drop=True)[["h", "p"]]
    could = takers.reset_index(drop=True)[["p", "t"]].merge(places, on="p").merge(slices, on="t")
    ok = found.known(
        "reuse-known", table[keys], pd.MultiIndex.from_frame(could[keys]), "nobody takes heat there then"
    )
    known = table.assign(p=table["h"].map(view.case.hosts["p"]))[ok]
    rows = view.facts(known, takers, ["p", "t"], ["taken", "max_mw", "source_share"])
    hours = view.facts(rows, view.case.slices, ["t", "s"], ["hours"])
    found.equal("reuse-hours", total(hours, keys, hours["hours"]), total(hours, keys, hours["case_hours"]),
                "hours of a slice", 100.0)  # fmt: skip
    rows = rows.assign(taken=rows["case_taken"].astype(float), reused_mw=rows["reused_mw"].astype(float))
    bought = view.table("cooling").query("c == @RECOVERY and added_mw != 0")
    bought = view.facts(bought, view.case.cooling, ["h", "c", "t"], ["life"])
    alive = each_period(bought, bought["t"], bought["case_life"], view)
    stands = over(labelled(rows, HT), total(alive, HT, alive["added_mw"])).to_numpy(float)
    given = total(rows, keys, rows["reused_mw"])
    found.at_least("reuse-capacity", given, 0.0, "negative heat")
    found.at_most("reuse-capacity", given, pd.Series(stands * rows["taken"].to_numpy(), index=labelled(rows, keys)),
                  "more heat given than is recovered")  # fmt: skip
    taker = rows.drop_duplicates(["p", "t", "s"])
    most = pd.Series(
        (taker["case_max_mw"].astype(float) * taker["taken"]).to_numpy(),
        index=labelled(taker, ["p", "t", "s"]),
    )
    found.at_most(
        "heat-taker", total(rows, ["p", "t", "s"], rows["reused_mw"]), most, "more heat than is taken"
    )
    energy = total(rows, HT, rows["reused_mw"] * rows["hours"])
    share = rows.drop_duplicates(HT)
    share = pd.Series(share["case_source_share"].to_numpy(float), index=labelled(share, HT))
    source = over(energy.index, liquid_energy(view)) * over(energy.index, share)
    found.at_most("reuse-source", energy, source, "more heat than the liquid loops have", 100.0)


def _floors(view: View, found: Findings, table: pd.DataFrame) -> None:
    floors = view.case.reuse_floors.reset_index(drop=True)
    if not len(floors):
        return
    day = view.table("dispatch")
    day = day.assign(mw=day["import_mw"] + day["generation_mw"] + day["discharge_mw"] - day["charge_mw"])
    drawn = total(day, HT, day["mw"] * day["hours"])
    given = total(table, HT, table["reused_mw"] * table["hours"])
    owes = floors.assign(free=_free(view, floors, total(day, HTS, day["mw"])))
    at = pd.MultiIndex.from_frame(owes[HT])
    owes["drawn"] = drawn.reindex(at, fill_value=0.0).to_numpy()
    owes["asked"] = _asked(owes)
    short = owes["asked"] - given.reindex(at, fill_value=0.0).to_numpy()
    owes = owes.assign(year=[view.date(t).year for t in owes["t"]])
    found.at_most("heat-reuse-floor", total(owes, ["h", "law", "year"], short), 0.0,
                  "a year with less reused energy than is asked", 100.0)  # fmt: skip


def _asked(owes: pd.DataFrame) -> pd.Series:
    """MWh owed by each law and those before it: what ran before the first owes nothing, what is drawn beyond what ran
    before the last its share, and between two laws the share of the earlier. Needs columns h, t, share, free, drawn.
    """
    asked = pd.Series(0.0, index=owes.index)
    for _, laws in owes.groupby(["h", "t"]):
        free, share = laws["free"].to_numpy(float), laws["share"].cummax().to_numpy(float)
        between = np.concatenate([[0.0], np.cumsum(share[:-1] * np.diff(free))])
        asked[laws.index] = between + share * (laws["drawn"].to_numpy(float) - free)
    return asked


def _free(view: View, floors: pd.DataFrame, mw: pd.Series) -> pd.Series:
    """MWh of each row of the floors that what ran in the period before the law draws in its own, hour by hour.

    What an hour draws moves with the weather: by the technology of the host for which it does most.
    """
    slices = view.case.slices.reset_index(drop=True)[["t", "s", "hours"]]
    rows = floors.assign(row=floors.index, u=floors["begun_t"] - 1).merge(slices, on="t")
    pue = view.case.pue.reset_index(drop=True)[["h", "c", "t", "s", "pue"]]
    before = pue.rename(columns={"t": "u", "pue": "pue_u"})
    ratio = pue.merge(floors[["h", "t", "begun_t"]].drop_duplicates(), on=["h", "t"])
    ratio = ratio.assign(u=ratio["begun_t"] - 1).merge(before, on=["h", "c", "u", "s"])
    most = (ratio["pue"] / ratio["pue_u"]).groupby([ratio[k] for k in ("h", "t", "u", "s")]).max()
    at = [pd.MultiIndex.from_frame(rows[keys]) for keys in (["h", "u", "s"], ["h", "t", "u", "s"])]
    ran = mw.reindex(at[0], fill_value=0.0).to_numpy() * most.reindex(at[1], fill_value=0.0).to_numpy()
    energy = pd.Series(ran * rows["hours"].to_numpy(float)).groupby(rows["row"].to_numpy()).sum()
    return energy.reindex(floors.index, fill_value=0.0)


def booked(book: Book) -> None:
    """What takers pay."""
    view = book.view
    table = view.table("reuse")
    if not len(table):
        return
    rows = table.assign(p=table["h"].map(view.case.hosts["p"]))
    rows = view.facts(rows, view.case.takers, ["p", "t"], ["musd_per_mwh"])
    rows = view.facts(rows, view.case.slices, ["t", "s"], ["hours"])
    mwh = rows["reused_mw"] * rows["case_hours"].astype(float)
    book.add(rows, -mwh * rows["case_musd_per_mwh"].astype(float), mwh, kind="energy", account="heat-sold", unit="MWh",
             **book.local(rows["h"]))  # fmt: skip
