"""Checks on the tables of a case, before any model: what can be said in milliseconds.

for trouble in precheck(case):
    print(trouble.message, trouble.cure)
"""

from __future__ import annotations

from dataclasses import dataclass

from planner.case.case import Case


@dataclass(frozen=True)
class Trouble:
    """Why a case cannot be solved, in the planner's words, and what would cure it."""

    workload: str
    reason: str
    message: str
    cure: str


def precheck(case: Case) -> list[Trouble]:
    """Everything that is hopeless already in the tables; empty where a model is worth building."""
    return [*_unserved(case)]


def _unserved(case: Case) -> list[Trouble]:
    """Workloads that no offer may serve, with the reasons that left every offer out."""
    served = set(case.serve["w"])
    out = []
    for w in case.workloads.index:
        if w in served or w not in set(case.demand["w"]) or bool(case.workloads.loc[w, "optional"]):
            continue
        why = case.why_not[case.why_not["workload"] == w]
        counts = why.groupby(["reason", "detail"]).size().sort_values(ascending=False)
        reasons = (
            "; ".join(f"{detail} ({n} offers)" for (_, detail), n in counts.items()) or "no offer exists"
        )
        first = str(counts.index[0][0]) if len(counts) else "none"
        message = f"nothing may serve {w}: {reasons}"
        out.append(
            Trouble(
                str(w), first, message, f"add a host or stack that may serve {w}, or change what excludes it"
            )
        )
    return out
