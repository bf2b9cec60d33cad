"""Names of accelerators and models as people and benchmarks write them, resolved to keys of the catalog.

    accelerator_of(catalog, "NVIDIA DGX B200 (8x B200-SXM-180GB, TensorRT)")  # "b200"
    model_of(catalog, "Llama-3.1-405B")                                        # "llama3.1-405b"

Keys, names, the alias table and spellings found in measurements are known; beyond those, a text is understood
that has the distinguishing words of exactly one most specific accelerator and no word besides that is foreign to
the catalog: "NVIDIA H100 80GB" is a chip, "H100 1g.10gb" (a part of one) and "H100 x 4" are not. A model's name
may have publisher, format, tuning or revision ("openai/gpt-oss-120b", "DeepSeek-R1-0528-FP4").
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from functools import lru_cache

from planner.case.columns import records
from planner.facts.catalog import Catalog
from planner.facts.errors import UnknownName
from planner.facts.suggest import hint

WORD = re.compile(r"[a-z]+\d+[a-z]*|\d+[a-z]*|[a-z]+")
COUNT = re.compile(r"(\d+x)(?=[a-z])")
QUALIFIER = re.compile(
    r"[-_ .](instruct|chat|it|hf|base|thinking|preview|turbo|awq|gptq|(nv|mx)?fp\d+|bf16|int\d|w\da\d+|v\d+(\.\d+)?"
    r"|\d{4}|99(\.9)?|\d+b-\d+e)$",
    re.IGNORECASE,
)
"""Endings of model names that change neither size nor layers: tuning, format, revision, accuracy target."""
HELD = re.compile(r"\(\s*\d+\s?x\s*([^(),]+)|^\d+x([^_]+)_", re.IGNORECASE)
"""How MLPerf names servers: "<server> (8x <accelerator>, <software>)", "8x<accelerator>_2x<processor>"."""
MEMORY = re.compile(r"(\d+)gb")
MEMORY_SLACK = 0.1
"""Vendors round memory, and count what is usable or what is built in."""
WORDY = re.compile(r"[a-z]{2}")
GENERIC = frozenset({"accelerator", "chip", "gpu", "npu", "tpu"})
WORDS_FROM = {
    "accelerators": ("name", "vendor", "generation"), "systems": ("name", "vendor"), "aliases": ("alias",),
    "throughput": ("accelerator_name",),
}  # fmt: skip
SPLIT_HYPHENS = str.maketrans(dict.fromkeys("‐‑‒–—", "-"))


def squeeze(text: str) -> str:
    """Lower-case letters and digits only, so that spelling of separators does not matter."""
    return re.sub(r"[^a-z0-9]+", "", text.lower())


def words(text: str) -> frozenset[str]:
    """Words of a product name.

    >>> sorted(words("8x B200-SXM-180GB"))
    ['180gb', '8x', 'b200', 'sxm']
    """
    return frozenset(WORD.findall(COUNT.sub(r"\1 ", text.translate(SPLIT_HYPHENS).lower())))


def accelerator_of(catalog: Catalog, name: str) -> str:
    """Key of an accelerator, from its key, name, alias or the name of a system that holds it."""
    exact, marks = _accelerators(catalog)
    found = exact.get(squeeze(name.translate(SPLIT_HYPHENS)))
    if found:
        return found
    within = HELD.search(name)
    own = words((within[1] or within[2]) if within else name)
    fits = sorted(((len(need), key) for need, key in marks if need <= own), reverse=True)
    best = {key for size, key in fits if size == fits[0][0]}
    if len(best) == 1:
        key = best.pop()
        known = set().union(*(need for need, of in marks if of == key))
        strange = sorted(word for word in own - known if not _means_nothing(catalog, key, word))
        if not strange:
            return key
        parts = ", ".join(repr(word) for word in strange)
        fault = f"no accelerator {name!r} in the catalog: nothing is known of {key!r} with {parts}"
        raise UnknownName(f"{fault} (a part or a number of chips is not the chip); did you mean {key!r}?")
    raise UnknownName(f"no accelerator {name!r} in the catalog{_suggest(name, exact)}")


def _means_nothing(catalog: Catalog, key: str, word: str) -> bool:
    """Whether a word beside an accelerator's own says nothing new of it: its memory, or a word of the catalog."""
    memory = MEMORY.fullmatch(word)
    if memory:
        own = float(catalog.value("accelerators", key, "usable_mem_gb"))
        return abs(float(memory[1]) - own) <= MEMORY_SLACK * own
    return word in _vocabulary(catalog)


@lru_cache(maxsize=8)
def _vocabulary(catalog: Catalog) -> frozenset[str]:
    """Words of vendors, chips and systems in the catalog, without those that tell one chip from another."""
    texts: list[str] = []
    for table, columns in WORDS_FROM.items():
        frame = catalog.table(table)
        texts += [str(text) for column in columns for text in frame[column].dropna()]
    telling = {word for key in catalog.table("accelerators").index for word in words(str(key))}
    return (
        frozenset(w for text in texts for w in words(text) if WORDY.match(w) and w not in telling) | GENERIC
    )


def system_of(catalog: Catalog, name: str) -> str:
    """Key of a system one can buy, from its key, name or alias, or from an accelerator sold in one system."""
    exact = _systems(catalog)
    found = exact.get(squeeze(name.translate(SPLIT_HYPHENS)))
    if found is None:
        raise UnknownName(f"no system {name!r} in the catalog{_suggest(name, exact)}")
    return found


def model_of(catalog: Catalog, name: str) -> str:
    """Key of a model of the table ``models``."""
    table = _models(catalog)
    spellings = (squeeze(text) for text in _shorter(name.translate(SPLIT_HYPHENS)))
    found = next((table[text] for text in spellings if text in table), None)
    if found is None:
        fault = f"no model {name!r} in the catalog{_suggest(name, table)}"
        raise UnknownName(f"{fault}; or state params_total_b and params_active_b")
    return found


def _shorter(name: str) -> Iterator[str]:
    """A model's name, then without its publisher, and without format, tuning and revision one by one.

    >>> list(_shorter("nvidia/Llama-3.3-70B-Instruct-FP8"))[2:]
    ['Llama-3.3-70B-Instruct', 'Llama-3.3-70B']
    """
    text = name.strip()
    yield text
    text = text.rsplit("/", 1)[-1]
    yield text
    while (less := QUALIFIER.sub("", text)) != text:
        text = less
        yield text


def _suggest(name: str, known: dict[str, str]) -> str:
    """``; allowed ...; did you mean ...`` for keys of the catalog, spelling of separators ignored."""
    keys = list(dict.fromkeys(known.values()))
    near = get_close_matches(squeeze(name), list(known), n=1, cutoff=0.5)
    allowed = hint("", keys).split("; did you mean")[0]
    return allowed + (f"; did you mean {known[near[0]]!r}?" if near else "")


@lru_cache(maxsize=8)
def _accelerators(catalog: Catalog) -> tuple[dict[str, str], list[tuple[frozenset[str], str]]]:
    chips, systems = catalog.table("accelerators"), catalog.table("systems")
    exact: dict[str, str] = {}
    for key in chips.index:
        exact[squeeze(key)] = exact[squeeze(str(chips.at[key, "name"]))] = str(key)
    for row in records(systems):
        exact.setdefault(squeeze(row.system_id), row.accelerator_id)
        exact.setdefault(squeeze(row.name), row.accelerator_id)
    for row in records(catalog.table("aliases")):
        if isinstance(row.accelerator_id, str) and row.accelerator_id:
            exact.setdefault(squeeze(row.alias), row.accelerator_id)
        elif isinstance(row.system_id, str) and row.system_id in systems.index:
            exact.setdefault(squeeze(row.alias), str(systems.at[row.system_id, "accelerator_id"]))
    seen: dict[str, set[str]] = {}
    for row in records(catalog.table("throughput")):
        for text in (row.accelerator_name, row.system_name):
            if isinstance(text, str):
                seen.setdefault(squeeze(text.translate(SPLIT_HYPHENS)), set()).add(row.accelerator_id)
    for text, keys in seen.items():
        if len(keys) == 1:
            exact.setdefault(text, next(iter(keys)))
    marks = [(words(str(key)), str(key)) for key in chips.index]
    marks += [
        (words(str(chips.at[key, "name"]).replace("in NVL72", "")), str(key))
        for key in chips.index
        if len(words(str(chips.at[key, "name"]))) > 1
    ]
    marks += [(frozenset({"vera", "rubin"}), "vr200")] if "vr200" in chips.index else []
    return exact, marks


@lru_cache(maxsize=8)
def _systems(catalog: Catalog) -> dict[str, str]:
    table, exact = catalog.table("systems"), {}
    for row in records(table):
        exact[squeeze(row.system_id)] = exact[squeeze(row.name)] = row.system_id
    for row in records(catalog.table("aliases")):
        if isinstance(row.system_id, str) and row.system_id in table.index:
            exact.setdefault(squeeze(row.alias), row.system_id)
    chips, _ = _accelerators(catalog)
    sold = table.groupby("accelerator_id")["system_id"].agg(list)
    for text, chip in chips.items():
        if chip in sold.index and len(sold[chip]) == 1:
            exact.setdefault(text, sold[chip][0])
    return exact


@lru_cache(maxsize=8)
def _models(catalog: Catalog) -> dict[str, str]:
    out: dict[str, str] = {}
    for row in records(catalog.table("models")):
        aliases = row.aliases.split(";") if isinstance(row.aliases, str) else []
        for text in (row.model_id, row.name, *aliases):
            out.setdefault(squeeze(text), row.model_id)
            out.setdefault(squeeze(text.removesuffix(" Instruct")), row.model_id)
    return out
