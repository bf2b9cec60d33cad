"""Attributes whose names are no Python names, such as ``aria-label``."""

from __future__ import annotations

from typing import Any


def attrs(named: dict[str, Any]) -> dict[str, Any]:
    """The mapping as it is, for ``html.Div(..., **attrs({"aria-label": text}))``: a type checker takes the dict's
    values for any of the component's arguments otherwise."""
    return named
