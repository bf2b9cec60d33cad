"""Training runs of a plan: where each is done, when, and how much of it; from the values of a solve."""

from __future__ import annotations

import pandas as pd

from planner.case.training_work import runs_of
from planner.plans.reader import Reader

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
    """w, j, h, start_date, deadline, begins_date, done_date, finished_share: a row a run; dates missing where it is not.

    ``finished_share`` is 1 or 0, of a screening plan between. A run with a deadline after the horizon is done where it keeps
    an even pace to its end; it has no ``done_date``.
    """
    case, date = reader.case, reader.case.calendar.date_of
    left = reader.values("unfinished", ["w", "j"], "share").set_index(["w", "j"])["share"]
    rows = []
    for (w, j), (run, _) in runs_of(case.scenario).items():
        if (w, j) not in case.trainings.index:  # before or after the horizon
            continue
        own = work[(work["w"] == w) & (work["j"] == j)]
        share = min(max(1.0 - float(left.get((w, j), 0.0)), 0.0), 1.0)
        begins = pd.Timestamp(max(date(int(own["t"].min())), run.start)) if len(own) else pd.NaT
        ended = share >= WHOLE and run.deadline <= case.calendar.end
        done = pd.Timestamp(min(date(int(own["t"].max()) + 1), run.deadline)) if ended else pd.NaT
        rows.append((w, j, ", ".join(dict.fromkeys(own["h"])), pd.Timestamp(run.start), pd.Timestamp(run.deadline),
                     begins, done, share))  # fmt: skip
    columns = ["w", "j", "h", "start_date", "deadline_date", "begins_date", "done_date", "finished_share"]
    return pd.DataFrame(rows, columns=columns)
