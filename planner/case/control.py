"""Control score of an offer on the EU Cloud Sovereignty Framework.

Eight objectives, 48 criteria; an answer is a level numbered from 1 (lowest). The score is
sum over objectives of weight x points / 1000, shown on a scale of 0-100; SEAL is the minimum over the
criteria answered, never an average. "EU" is read as the partner country or its declared trusted region.

Answers of an offer are derived from its attributes (``planner.case.attributes``) by the catalog's table
``control_answers``: a criterion that depends on several attributes takes the lowest level any of them allows.
"""

from __future__ import annotations

import numbers
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import numpy as np
import pandas as pd

from planner.case.columns import records
from planner.facts.catalog import Catalog
from planner.facts.errors import BadValue
from planner.scenario.schema import Control

Answers = Sequence[Sequence[int]]
WEIGHT_COLUMNS = {"calculator": "weight_calculator", "v1.2.1": "weight_v121"}
WEIGHTINGS = ("v1.2.1", "calculator", "equal")


def prepare_criteria(catalog: Catalog) -> pd.DataFrame:
    """Criteria with level values and seals as tuples of numbers, in framework order."""
    return _criteria(catalog).copy(deep=False)


@lru_cache(maxsize=8)
def _criteria(catalog: Catalog) -> pd.DataFrame:
    criteria = catalog.table("control_criteria").copy()
    for column, kind in (("level_values", float), ("level_seals", int)):
        criteria[column] = [tuple(kind(x) for x in str(text).split(";")) for text in criteria[column]]
    return criteria


def parse_answers(text: str) -> list[list[int]]:
    """Eight lists of levels from their digits, the objectives parted by ``;`` or ``|``.

    >>> parse_answers("11212112;223311")
    [[1, 1, 2, 1, 2, 1, 1, 2], [2, 2, 3, 3, 1, 1]]
    """
    return [[int(digit) for digit in part.strip()] for part in text.replace("|", ";").split(";")]


def answers_text(answers: Answers) -> str:
    """The digits of ``parse_answers``."""
    return ";".join("".join(str(level) for level in objective) for objective in answers)


def _flat(answers: Answers, criteria: pd.DataFrame) -> list[int]:
    """All levels in framework order; raises ``BadValue`` with every fault, by objective and criterion."""
    objectives = criteria["objective"].tolist()
    names = dict(zip(objectives, criteria["objective_name"].tolist(), strict=True))
    counts = Counter(objectives).values()
    try:
        given = [list(objective) for objective in answers]
    except TypeError as error:
        raise BadValue("answers must be eight lists of levels, one an objective") from error
    if len(given) != len(counts):
        raise BadValue(f"answers must be eight lists of levels, one an objective, not {len(given)}")
    faults = [
        f"objective {i} ({name}): {len(levels)} levels for {count} criteria, {i}.1 to {i}.{count}"
        for i, (name, count, levels) in enumerate(zip(names.values(), counts, given, strict=True), 1)
        if len(levels) != count
    ]
    if not faults:
        flat = [level for levels in given for level in levels]
        rows = zip(flat, criteria["level_values"], criteria["criterion_id"], objectives, strict=True)
        faults = [
            f"objective {objective[4:]} ({names[objective]}), criterion {name}: level {level} is not a whole "
            f"number between 1 and {len(values)}"
            for level, values, name, objective in rows
            if not _is_level(level, len(values))
        ]
    if faults:
        raise BadValue("; ".join(faults))
    return [int(level) for level in flat]


def _is_level(level: object, highest: int) -> bool:
    """Whether a value, of Python or numpy, is a whole number from 1 to ``highest``."""
    number = isinstance(level, numbers.Real) and not isinstance(level, bool | np.bool_)
    return number and 1 <= float(level) <= highest and float(level).is_integer()  # type: ignore[arg-type]


def weights(criteria: pd.DataFrame, weighting: str) -> np.ndarray:
    """Weight of each criterion's objective; ``equal`` gives every objective one eighth."""
    if weighting == "equal":
        return np.full(len(criteria), 1 / criteria["objective"].nunique())
    if weighting not in WEIGHT_COLUMNS:
        raise BadValue(f"weighting {weighting!r} is not one of {', '.join(WEIGHTINGS)}")
    return np.asarray(criteria[WEIGHT_COLUMNS[weighting]], float)


def points(answers: Answers, criteria: pd.DataFrame) -> pd.Series:
    """Points of each objective before weighting, nominally up to 1000."""
    levels = _flat(answers, criteria)
    values = [v[level - 1] for level, v in zip(levels, criteria["level_values"], strict=True)]
    return pd.Series(values, index=criteria["criterion_id"]).groupby(criteria["objective"], sort=False).sum()


def contributions(answers: Answers, weighting: str, criteria: pd.DataFrame) -> pd.Series:
    """Points (0-100 scale) of every criterion; their sum is the score."""
    levels = _flat(answers, criteria)
    values = [v[level - 1] for level, v in zip(levels, criteria["level_values"], strict=True)]
    return pd.Series(weights(criteria, weighting) * np.array(values) / 10.0, index=criteria["criterion_id"])


def contributions_by_decision(answers: Answers, weighting: str, criteria: pd.DataFrame) -> pd.DataFrame:
    """decision -> points, attainable: score by the decision a criterion depends on, largest stake first.

    The points sum to the score and ``attainable`` to the full mark: the steps of a waterfall.
    """
    by_objective = criteria.groupby("objective", sort=False)["level_values"]
    top = [[len(values) for values in part] for _, part in by_objective]
    frame = pd.DataFrame(
        {
            "decision": criteria["decision"],
            "points": contributions(answers, weighting, criteria),
            "attainable": contributions(top, weighting, criteria),
        }
    )
    return (
        frame.groupby("decision", sort=False).sum().sort_values("attainable", ascending=False, kind="stable")
    )


def score(answers: Answers, weighting: str, criteria: pd.DataFrame) -> float:
    """Score 0-100 of eight lists of levels under ``v1.2.1``, ``calculator`` or ``equal`` weights."""
    return float(contributions(answers, weighting, criteria).sum())


def seal(answers: Answers, criteria: pd.DataFrame, exclude: Iterable[str] = ()) -> int:
    """SEAL level 0-4: the minimum over all criteria not excluded by name."""
    return binding(answers, criteria, exclude)[0]


def binding(answers: Answers, criteria: pd.DataFrame, exclude: Iterable[str] = ()) -> tuple[int, list[str]]:
    """SEAL and the criteria that hold it down."""
    out = {exclude} if isinstance(exclude, str) else set(exclude)
    unknown = out - set(criteria["criterion_id"])
    if unknown:
        raise BadValue(f"no criterion {', '.join(sorted(unknown))} to exclude; they run from 1.1 to 8.4")
    seals = {
        name: values[level - 1]
        for level, values, name in zip(
            _flat(answers, criteria), criteria["level_seals"], criteria["criterion_id"], strict=True
        )
        if name not in out
    }
    if not seals:
        raise BadValue("every criterion is excluded: no SEAL is left")
    lowest = min(seals.values())
    return lowest, [name for name, value in seals.items() if value == lowest]


@lru_cache(maxsize=8)
def _rules(catalog: Catalog) -> dict[str, list[tuple[str, str, int]]]:
    """criterion -> (attribute, value, level) rows of the catalog."""
    rules: dict[str, list[tuple[str, str, int]]] = {}
    for row in records(catalog.table("control_answers")):
        rules.setdefault(str(row.criterion_id), []).append(
            (str(row.attribute), str(row.value), int(row.level))
        )
    return rules


@lru_cache(maxsize=8)
def attribute_values(catalog: Catalog) -> dict[str, list[str]]:
    """attribute -> the values the catalog has answers for."""
    table = catalog.table("control_answers")
    return {str(a): list(dict.fromkeys(part["value"])) for a, part in table.groupby("attribute", sort=False)}


def derived_answers(catalog: Catalog, attributes: Mapping[str, str]) -> list[list[int]]:
    """Answers that follow from an offer's attributes; raises ``BadValue`` for a value without an answer."""
    known = attribute_values(catalog)
    faults = [
        f"control attribute {name}: {attributes.get(name)!r} is not one of {', '.join(values)}"
        for name, values in known.items()
        if attributes.get(name) not in values
    ]
    if faults:
        raise BadValue("\n".join(faults))
    answers: dict[str, list[int]] = {}
    for criterion, rows in _rules(catalog).items():
        level = min(level for attribute, value, level in rows if attributes[attribute] == value)
        answers.setdefault(criterion.split(".")[0], []).append(level)
    return [answers[objective] for objective in sorted(answers)]


def overridden(answers: Answers, control: Control, host: str, stack: str) -> list[list[int]]:
    """Answers with the scenario's overrides for this offer put in, later ones winning."""
    out = [list(objective) for objective in answers]
    for o in control.overrides:
        if o.host in (None, host) and o.stack in (None, stack):
            objective, number = (int(part) for part in o.criterion.split("."))
            out[objective - 1][number - 1] = o.level
    return out
