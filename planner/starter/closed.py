"""Starters of countries to which licences for US chips are refused: a rival's chips, at home, and what that costs.

No chip of the rival ecosystem protects data in use, and a foreign rival's chips hold the supply chain below the
usual floor for secret data. Both are loosened in the file, with a note: the alternative is to serve nothing. What a
rival sells to one country in a year is little for a large one, so that nothing must be served in full.
"""

from __future__ import annotations

from typing import Any

STACK = "rival"
SYSTEMS = ("cloudmatrix-384",)
HOSTS = (("champion-campus", "campus", 1.0, 9), ("champion-second", "second-campus", 0.7, 12))
"""Host, site, share of all demand it may house, months to open."""
HOST_NOTE = "owned and run by the national champion on a rival's chips: licences for US chips are refused"
PROTECTED = ("sensitive", "secret")
"""Classes of data that need protection in use where no rule says otherwise."""


def workload(data_class: str) -> dict[str, Any]:
    """Served as far as chips can be had; at home without protection in use, for classes that would need it."""
    note = "no chip that the country can have protects data in use: at home without it, or not at all"
    locality = {"where": "in-country", "protection": "none", "assumed": True, "note": note}
    return {"optional": True} | ({"locality": locality} if data_class in PROTECTED else {})


def control() -> dict[str, Any]:
    """Floors with that of secret data a step lower, and nobody trusted."""
    return {
        "trusted_region": [],
        "floors": {"public": 0, "official": 1, "sensitive": 1, "secret": 1},
        "assumed": True,
        "note": "no country taken as trusted; the floor of secret data is 1 instead of 2: foreign chips hold it there",
    }
