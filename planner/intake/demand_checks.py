"""Whether a workload says enough to be turned into work: figures that only its size or its profile can give."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from planner.case.demand import TRAINING_KINDS
from planner.case.names import model_of
from planner.case.rates import LEAST_REQUESTS, least_accelerators
from planner.case.requests import Request, context_tokens, latency_scenario, read_request
from planner.case.throughput import Throughput
from planner.facts.errors import BadValue, MissingFact, UnknownName
from planner.facts.numbers import number
from planner.intake.document import Document, fault, valid
from planner.scenario.paths import find
from planner.scenario.problems import Problem
from planner.scenario.reading import Item, from_plain
from planner.scenario.schema import OwnModel, Workload

KNOWN_BY = {"profile": "use profile", "model": "model"}
WISHES = ("tokens_per_s_per_user", "ttft_s")
SOME_POINTS = [{"at": "2027-01-01", "value": 1.0}]
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


def own_names(doc: Document) -> Iterator[Problem]:
    """Models of one's own under a name that is read as a model of the catalog."""
    for path, item in find(doc.root, "models[].id"):
        if not isinstance(item.value, str):
            continue
        with contextlib.suppress(UnknownName):
            known = model_of(doc.catalog, item.value)
            message = f"is read as the catalog's model {known!r}; choose another id, or name {known!r} without describing it"
            yield fault(item, path, message)


def requests_and_models(doc: Document) -> Iterator[Problem]:
    """Requests longer than their model takes, models that fit none of the systems, speeds that none of them reaches."""
    models = [m for _, item in find(doc.root, "models[]") if (m := valid(OwnModel, item)) is not None]
    names = [
        *doc.ids("systems[].id"),
        *doc.ids("existing.fleets[].system"),
        *doc.ids("existing.contracts[].system"),
    ]
    systems = [k for k in dict.fromkeys(names) if k in doc.known("catalog system")]
    for path, item in find(doc.root, "demand[]"):
        w = _readable(doc, item)
        if w is None or w.kind in TRAINING_KINDS or w.model_class not in doc.known("model class"):
            continue
        request = read_request(doc.catalog, w, models)
        faults = [*_too_long(doc, w, item, path, request), *_too_large(doc, w, item, path, request, systems)]
        yield from faults or _out_of_reach(doc, w, item, path, request, systems)


def _readable(doc: Document, item: Item) -> Workload | None:
    """The workload as far as its requests go: faults of its amounts and unknown names are told elsewhere."""
    plain = item.plain()
    if not isinstance(plain, dict) or not isinstance(plain.get("size"), dict):
        return None
    kept = {k: v for k, v in plain.items() if k not in KNOWN_BY or v in doc.known(KNOWN_BY[k])}
    kept["size"] = {**plain["size"], "points": SOME_POINTS}
    found: Workload | None = valid(Workload, from_plain(kept, item.place))
    return found


def _too_long(doc: Document, w: Workload, item: Item, path: str, request: Request) -> Iterator[Problem]:
    most = context_tokens(doc.catalog, w, request)
    if request.benchmark_lengths or most is None or request.input_tokens + request.output_tokens <= most:
        return
    held = doc.catalog.table("models")["context_tokens"].dropna().sort_values()
    longer = list(held.index[held >= request.input_tokens + request.output_tokens])
    cure = (
        f"at most {number(most - request.output_tokens)} tokens can be read"
        if most > request.output_tokens
        else ""
    )
    other = (
        f"name a model that takes more (model: {longer[0]})"
        if longer
        else "no model of the catalog takes more"
    )
    stated = item.get("size") and item.value["size"].get("input_tokens_per_request")
    place = stated or item.get("profile") or item
    yield fault(
        place, f"{path}.size.input_tokens_per_request" if stated else f"{path}.profile",
        f"a request of {number(request.input_tokens)} tokens read and {number(request.output_tokens)} put out is longer "
        f"than the context of {request.model if not request.of_class else 'model class ' + w.model_class}, "
        f"{number(most)} tokens: {'; '.join(part for part in (cure, other) if part)}",
    )  # fmt: skip


def _too_large(
    doc: Document, w: Workload, item: Item, path: str, request: Request, systems: list[str]
) -> Iterator[Problem]:
    """A model that none of the scenario's systems holds, with the smallest of the catalog that do."""

    def fits(system: str) -> bool:
        row = doc.catalog.table("systems").loc[system]
        least = least_accelerators(doc.catalog, w.model_class, str(row["accelerator_id"]), None, request)
        return 0 < least <= int(row["n_accelerators"])

    if not systems or any(fits(k) for k in systems):
        return
    fitting = [k for k in doc.known("catalog system") if fits(k)]
    cure = (
        f"add a system that does ({', '.join(fitting[:4])})"
        if fitting
        else "no system of the catalog holds it"
    )
    field = "model" if w.model else "model_class"
    name = request.model if not request.of_class else w.model_class
    yield fault(
        item.value[field], f"{path}.{field}",
        f"{name} with {LEAST_REQUESTS} requests in flight fits the memory of none of the systems "
        f"({', '.join(systems)}): {cure}, or name a smaller model",
    )  # fmt: skip


def _out_of_reach(
    doc: Document, w: Workload, item: Item, path: str, request: Request, systems: list[str]
) -> Iterator[Problem]:
    """Requests that the estimate refuses on every system, with what it says: the best that is reached."""
    if not request.conditions:
        return
    said: list[str] = []
    throughput = Throughput(doc.catalog)
    for chip in dict.fromkeys(str(doc.catalog.value("systems", k, "accelerator_id")) for k in systems):
        try:
            throughput.serving(request.model, latency_scenario(doc.catalog, w), chip, request.conditions)
            return
        except BadValue as error:
            said.append(str(error))
        except MissingFact:  # peak or memory of the chip is not known: no rate, no refusal
            return
    stated = [name for name in WISHES if item.get(name) is not None]
    field = stated[0] if stated else "profile"
    if said:
        cure = "ask for less, add a faster system, or name a smaller model"
        yield fault(item.get(field) or item, f"{path}.{field}", f"{'; '.join(dict.fromkeys(said))}: {cure}")
