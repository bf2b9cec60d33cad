"""Stacks over time: adopted later than at once, left again, and what moving work away costs.

Variables: adopt[a,t] binary: the adoption of stack a is put off, it is in use from the start of t on. leave[a,t] binary: no
work runs under it from the start of t on. moved[w,a,t]: work that stack a did in the period before and does no more, in
thousands of reference accelerators.

    sum over t of adopt[a,t] <= 1;  sum over t of leave[a,t] <= 1                         (a)   adopt_once, leave_once
    sum over t of adopt[a,t] <= use[a];  sum over t of leave[a,t] <= use[a]               (a)   adopt_used, leave_used
    sum over u >= t of adopt[a,u] + sum over u <= t of leave[a,u] <= use[a]               (a,t) leave_after
    share x sum of rate x serve of t-1 - sum of rate x serve of t <= moved                (w,a,t) moved_work

A stack is active in t where it is used, its adoption is not put off until later and it is not yet left: the links of work to
stacks (``models/demand.py``) ask for that. Only stacks for which the scenario gives ``adopt_until`` have dates of adoption,
only those with an ``exit`` those of leaving; others are in use for the whole horizon.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyomo.environ as pe

from planner.case.case import Case
from planner.models.common import add_set, add_var, tuples
from planner.models.ledger import Booked, book
from planner.models.sums import bounded_sums, weights_of

ROWS = ("adopt_once", "adopt_used", "leave_once", "leave_used", "leave_after", "moved_work")


def declare_dates(m: Any, case: Case) -> None:
    """Variables of later adoption and of leaving: the links of work to stacks speak of them."""
    for name, table in (("adopt", case.adoptions), ("leave", case.exits)):
        setattr(m, name, pe.Var(add_set(m, name.upper(), tuples(table), 2), domain=pe.Binary, dense=False))


def declare(m: Any, case: Case) -> None:
    """Rows of dates, and work that moves; none where no stack has a choice of dates."""
    add_set(m, "MOVED", tuples(case.moves), 3)
    add_var(m, "moved", m.MOVED)
    for family, table in (("adopt", case.adoptions), ("leave", case.exits)):
        if len(table):
            dates = weights_of(table["a"].to_numpy(), family, table.index, 1.0)
            used = list(dict.fromkeys(table["a"]))
            _add(m, f"{family}_once", [dates.assign(most=1.0)])
            _add(m, f"{family}_used", [dates, weights_of(used, "use", used, -1.0)])
    _add(m, "leave_after", _after(case))
    _add(m, "moved_work", _moves(case))


def _add(m: Any, name: str, parts: list[pd.DataFrame]) -> None:
    if parts:
        weights = pd.concat(parts, ignore_index=True)
        bounded_sums(m, name, weights, weights.groupby("i", sort=False)["most"].max().to_dict())


def _after(case: Case) -> list[pd.DataFrame]:
    """A stack is left after it was adopted: for those with dates of both."""
    parts = []
    both = case.exits[case.exits["a"].isin(set(case.adoptions["a"]))]
    for a, t in both.index:
        i = f"{a} {case.calendar.label(t)}"
        later = case.adoptions[(case.adoptions["a"] == a) & (case.adoptions["t"] >= t)]
        gone = both[(both["a"] == a) & (both["t"] <= t)]
        parts += [
            weights_of(i, "adopt", later.index, 1.0),
            weights_of(i, "leave", gone.index, 1.0),
            weights_of(i, "use", [a], -1.0),
        ]
    return parts


def _moves(case: Case) -> list[pd.DataFrame]:
    if not len(case.moves):
        return []
    names = pd.Series([f"{w} {a} {t}" for w, a, t in case.moves.index], case.moves.index, dtype=object)
    serve = case.serve.reset_index(drop=True).assign(index=list(case.serve.index))
    parts = [weights_of(names.to_numpy(), "moved", case.moves.index, -1.0)]
    for later, sign in ((1, 1.0), (0, -1.0)):
        at = pd.MultiIndex.from_arrays([serve["w"], serve["a"], serve["t"] + later])
        known = at.isin(case.moves.index)
        rows, keys = serve[known], at[known]
        share = case.moves["share"].reindex(keys).to_numpy(float) if later else 1.0
        parts.append(
            weights_of(
                names.reindex(keys).to_numpy(),
                "serve",
                rows["index"],
                sign * share * rows["rate"].to_numpy(float),
            )
        )
    return parts


# ---- money


def entries(case: Case) -> list[Booked]:
    """What later adoption shifts, the cost of leaving and what that saves, and of work that runs twice."""
    return [*_adopted_later(case), *_left(case), *_moved(case)]


def _adopted_later(case: Case) -> list[Booked]:
    """Adoption is paid as much later, and the yearly cost of every layer not before."""
    out: list[Booked] = []
    if not len(case.adoptions):
        return out
    for layer in case.layers[case.layers["a"].isin(set(case.adoptions["a"]))].itertuples():
        first = int(case.stacks.loc[layer.a, "earliest_t"])
        fields: dict[str, Any] = {
            "a": str(layer.a),
            "supplier": str(layer.layer),
            "origin_iso3": str(layer.origin_iso3),
        }
        for row in case.adoptions[case.adoptions["a"] == layer.a].itertuples():
            calendar, lead = case.calendar, int(row.lead)
            put_off = calendar.step_of(int(row.t)) - calendar.step_of(first)
            for account, when, musd in (
                ("stack-adoption", range(lead), -float(layer.adoption_musd) / lead),
                ("stack-adoption", range(put_off, put_off + lead), float(layer.adoption_musd) / lead),
                (
                    "platform",
                    range(calendar.step_of(first), calendar.step_of(int(row.t))),
                    -float(layer.musd_per_step),
                ),
            ):
                times = [calendar.period_of(step) for step in when if step < calendar.n_steps]
                if musd:
                    out.append(
                        book("adopt", [row.Index] * len(times), times, musd, account=account, **fields)
                    )
    return out


def _left(case: Case) -> list[Booked]:
    exits = case.exits
    out: list[Booked] = []
    if not len(exits):
        return out
    stack = exits["a"].astype(object)
    origin = exits["a"].map(case.stacks["origin_iso3"]).astype(object)
    paid = exits["musd"] > 0
    if paid.any():
        out.append(book("leave", list(exits.index[paid]), exits["t"][paid], exits["musd"][paid], account="stack-exit",
                        a=stack[paid], supplier=stack[paid], origin_iso3=origin[paid]))  # fmt: skip
    for layer in case.layers.itertuples():
        saved = [
            (row.Index, t)
            for row in exits[exits["a"] == layer.a].itertuples()
            for t in range(int(row.paid_t), case.calendar.n)
        ]
        when = [t for _, t in saved]
        if saved and layer.musd_per_step:
            out.append(book("leave", [i for i, _ in saved], when, -float(layer.musd_per_step) * case.calendar.steps[when],
                            account="platform", a=str(layer.a), supplier=str(layer.layer),
                            origin_iso3=str(layer.origin_iso3)))  # fmt: skip
    return out


def _moved(case: Case) -> list[Booked]:
    moves = case.moves
    if not len(moves):
        return []
    stack = moves["a"].astype(object)
    origin = moves["a"].map(case.stacks["origin_iso3"]).astype(object)
    return [book("moved", list(moves.index), moves["t"], moves["musd_per_kref"], account="moving", w=moves["w"],
                 a=stack, supplier=stack, origin_iso3=origin)]  # fmt: skip
