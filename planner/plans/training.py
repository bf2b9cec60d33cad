"""Training runs of a plan: where each is done, when, and how much of it; from the values of a solve."""

from __future__ import annotations

import pandas as pd

from planner.plans.reader import Reader
from planner.scenario.schema import TrainingRuns

WHOLE = 1.0 - 1e-6
"""A run of which this share is done is done."""


def training_work(reader: Reader) -> pd.DataFrame:
    """w, j, p, h, t, label, kref, pace_kref: work of a run at a host in a period, beside that of an even pace."""
    keys = ["w", "j", "h", "t"]
    table = reader.values("effort", keys, "kref")
    pace = reader.case.training_periods
    table = reader.facts(table, pace.rename(columns={"kref": "pace_kref"}), ["w", "j", "t"], ["pace_kref"])
    return reader.site(reader.dated(table.astype({"t": int}))).sort_values(keys)


def training(reader: Reader, work: pd.DataFrame) -> pd.DataFrame:
    """w, j, h, start_date, deadline, begins_date, done_date, finished_share: a row a run; dates missing where it is not."""
    case, date = reader.case, reader.case.calendar.date_of
    stated = {
        (w.id, run.id): run
        for w in case.scenario.demand
        if isinstance(w.size, TrainingRuns)
        for run in w.size.runs
    }
    left = reader.values("unfinished", ["w", "j"], "share").set_index(["w", "j"])["share"]
    rows = []
    for (w, j), run in stated.items():
        if (w, j) not in case.trainings.index:  # before or after the horizon
            continue
        own = work[(work["w"] == w) & (work["j"] == j)]
        share = min(max(1.0 - float(left.get((w, j), 0.0)), 0.0), 1.0)
        begins = pd.Timestamp(date(int(own["t"].min()))) if len(own) else pd.NaT
        done = pd.Timestamp(date(int(own["t"].max()) + 1)) if share >= WHOLE else pd.NaT
        rows.append((w, j, ", ".join(dict.fromkeys(own["h"])), pd.Timestamp(run.start), pd.Timestamp(run.deadline),
                     begins, done, share))  # fmt: skip
    columns = ["w", "j", "h", "start_date", "deadline_date", "begins_date", "done_date", "finished_share"]
    return pd.DataFrame(rows, columns=columns)
