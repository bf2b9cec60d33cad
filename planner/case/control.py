"""Control score of an offer on the EU Cloud Sovereignty Framework.

Eight objectives, 48 criteria; an answer is a level numbered from 1 (lowest). The score is
sum over objectives of weight x points / 1000, shown on a scale of 0-100; SEAL is the minimum over the
criteria answered, never an average. "EU" is read as the partner country or its declared trusted region.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np
import pandas as pd

from planner.catalog import Catalog, load_catalog
from planner.scenario import Control

Answers = Sequence[Sequence[int]]
WEIGHT_COLUMNS = {"calculator": "weight_calculator", "v1.2.1": "weight_v121"}


@cache
def _framework() -> pd.DataFrame:
    return prepare_criteria(load_catalog())


def prepare_criteria(catalog: Catalog) -> pd.DataFrame:
    """Criteria with level values and seals as tuples of numbers, in framework order."""
    criteria = catalog.table("control_criteria").copy()
    for column, kind in (("level_values", float), ("level_seals", int)):
        criteria[column] = [tuple(kind(x) for x in str(text).split(";")) for text in criteria[column]]
    return criteria


def parse_answers(row: pd.Series) -> list[list[int]]:
    """Eight lists of levels from a row of the table ``control_profiles``."""
    return [[int(digit) for digit in str(row[f"answers_sov{i}"])] for i in range(1, 9)]


def _flat(answers: Answers, criteria: pd.DataFrame) -> list[int]:
    levels = [int(level) for objective in answers for level in objective]
    if len(answers) != criteria["objective"].nunique() or len(levels) != len(criteria):
        shape = criteria.groupby("objective", sort=False).size().tolist()
        raise ValueError(f"answers must be eight lists with {shape} levels")
    for level, values, name in zip(levels, criteria["level_values"], criteria["criterion_id"], strict=True):
        if not 1 <= level <= len(values):
            raise ValueError(f"criterion {name}: level {level} is not between 1 and {len(values)}")
    return levels


def weights(criteria: pd.DataFrame, weighting: str) -> np.ndarray:
    """Weight of each criterion's objective; ``equal`` gives every objective one eighth."""
    if weighting == "equal":
        return np.full(len(criteria), 1 / criteria["objective"].nunique())
    if weighting not in WEIGHT_COLUMNS:
        raise ValueError(f"weighting {weighting!r} is not one of {sorted(WEIGHT_COLUMNS)} or 'equal'")
    return criteria[WEIGHT_COLUMNS[weighting]].to_numpy(float)


def contributions(answers: Answers, weighting: str, criteria: pd.DataFrame | None = None) -> pd.Series:
    """Points (0-100 scale) of every criterion; their sum is the score."""
    table = _framework() if criteria is None else criteria
    levels = _flat(answers, table)
    points = [values[level - 1] for level, values in zip(levels, table["level_values"], strict=True)]
    return pd.Series(weights(table, weighting) * np.array(points) / 10.0, index=table["criterion_id"])


def score(answers: Answers, weighting: str, criteria: pd.DataFrame | None = None) -> float:
    """Score 0-100 of eight lists of levels under ``v1.2.1``, ``calculator`` or ``equal`` weights."""
    return float(contributions(answers, weighting, criteria).sum())


def seal(answers: Answers, exclude: Iterable[str] = (), criteria: pd.DataFrame | None = None) -> int:
    """SEAL level 0-4: the minimum over all criteria not excluded by name."""
    return binding(answers, exclude, criteria)[0]


def binding(
    answers: Answers, exclude: Iterable[str] = (), criteria: pd.DataFrame | None = None
) -> tuple[int, list[str]]:
    """SEAL and the criteria that hold it down."""
    table = _framework() if criteria is None else criteria
    out = set(exclude)
    seals = {
        name: values[level - 1]
        for level, values, name in zip(
            _flat(answers, table), table["level_seals"], table["criterion_id"], strict=True
        )
        if name not in out
    }
    lowest = min(seals.values())
    return lowest, [name for name, value in seals.items() if value == lowest]


def offer_answers(
    catalog: Catalog,
    control: Control,
    host: str,
    stack: str,
    profile: str,
    domestic_chip: bool,
) -> list[list[int]]:
    """Answers of one offer: its profile, changed by the chip's origin, then by the scenario's overrides."""
    answers = parse_answers(catalog.table("control_profiles").loc[profile])
    chip = catalog.table("control_overrides")
    origin = "domestic" if domestic_chip else "foreign"
    match = (chip["attribute"] == "chip_origin") & (chip["value"] == origin)
    match &= chip["control_profile"].isna() | (chip["control_profile"] == profile)
    changes = list(zip(chip.loc[match, "criterion_id"], chip.loc[match, "level"], strict=True))
    changes += [
        (o.criterion, o.level)
        for o in control.overrides
        if o.host in (None, host) and o.stack in (None, stack)
    ]
    for criterion, level in changes:
        objective, number = (int(part) for part in str(criterion).split("."))
        answers[objective - 1][number - 1] = int(level)
    return answers
