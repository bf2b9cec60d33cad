"""Whether a workload says enough to be turned into work: figures that only its size or its profile can give."""

from __future__ import annotations

from collections.abc import Iterator

from planner.intake.document import Document, fault
from planner.scenario.paths import find
from planner.scenario.problems import Problem

NEEDED = {
    "users": ("requests_per_user_day", "output_tokens_per_request"),
    "requests-per-s": ("output_tokens_per_request",),
}
"""Fields of a size, by its kind, that a workload without a profile must state."""


def unsaid(doc: Document) -> Iterator[Problem]:
    """Sizes in users or requests of a workload without a profile that leave out what one request is."""
    for path, workload in find(doc.root, "demand[]"):
        size = workload.get("size")
        if size is None or workload.get("profile") is not None:
            continue
        for name in NEEDED.get(size.text("by") or "", ()):
            if size.get(name) is None:
                known = ", ".join(doc.known("use profile"))
                yield fault(
                    size, f"{path}.size.{name}",
                    f"required field is missing; or name a profile of the workload that has it: {known}",
                )  # fmt: skip


def idle_day(doc: Document) -> Iterator[Problem]:
    """A day without a busiest hour."""
    for path, item in find(doc.root, "demand[].load_by_hour"):
        hours = [h.value for h in item.value] if isinstance(item.value, list) else []
        if hours and all(h == 0 for h in hours):
            yield fault(
                item, path, "all hours are 0; state the load of each hour, in any unit, or leave it out"
            )
