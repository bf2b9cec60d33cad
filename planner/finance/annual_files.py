"""Files of the yearly pro-forma: the inputs of one project, or a collection of cases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from planner.facts.errors import BadValue, UnknownName
from planner.facts.suggest import hint
from planner.finance.annual_terms import FIELDS
from planner.finance.faults import FinanceError

INPUTS, CASES = "inputs", "cases"


def is_proforma(plain: Any) -> bool:
    """Whether a file's content is a pro-forma: fields of a project, ``inputs``, or cases that have them.

    >>> is_proforma({"planner": 1, "inputs": {}}), is_proforma({"years": 9}), is_proforma([{"id": "a", "inputs": {}}])
    (False, True, True)
    """
    if isinstance(plain, Mapping) and {"planner", "extends"} & plain.keys():
        return False
    fields = plain.keys() if isinstance(plain, Mapping) else set()
    return bool(_cases(plain)) or INPUTS in fields or bool(fields & FIELDS.keys())


def inputs_of(plain: Any, case: str | None = None) -> Mapping[str, Any]:
    """The inputs of a project, or of one case of a collection.

    Raises BadValue where a collection is given without the name of a case or one project with it, UnknownName for a
    case there is not, FinanceError where inputs are no mapping.

    >>> inputs_of({"cases": [{"id": "a", "inputs": {"years": 9}}, {"id": "b", "inputs": {}}]}, "a")
    {'years': 9}
    """
    cases = _cases(plain)
    if not cases and case is not None:
        raise BadValue("this file holds one project: leave --case out")
    if cases and case is None:
        raise BadValue(
            f"this file holds {len(cases)} cases: name one of them with --case: {', '.join(cases)}"
        )
    if cases and case not in cases:
        raise UnknownName(f"there is no case {case!r}{hint(str(case), list(cases))}")
    found = cases[str(case)] if cases else plain.get(INPUTS, plain)
    if not isinstance(found, Mapping):
        raise FinanceError.single(INPUTS, f"{found!r} is not a mapping of fields")
    return found


def _cases(plain: Any) -> dict[str, Any]:
    """Inputs by the name of their case, of a list or mapping whose entries have ``inputs``; such may stand in ``cases``."""
    if isinstance(plain, Mapping):
        entries = plain.get(CASES)
        if isinstance(entries, Mapping | list):
            return _cases(entries)
        pairs = list(plain.items())
    elif isinstance(plain, list):
        pairs = [(_name(entry, str(i)), entry) for i, entry in enumerate(plain)]
    else:
        return {}
    return {
        str(name): entry[INPUTS] for name, entry in pairs if isinstance(entry, Mapping) and INPUTS in entry
    }


def _name(entry: Any, number: str) -> Any:
    return entry.get("id", entry.get("name", number)) if isinstance(entry, Mapping) else number
