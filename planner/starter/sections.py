"""Sections of a starter scenario, with the comments that explain them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from datetime import date
from typing import Any

import pandas as pd
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import FoldedScalarString

from planner.case.places import near_metro
from planner.facts.catalog import Catalog
from planner.facts.fallbacks import Found, cost_of_capital_real, locality_gaps, lookup
from planner.facts.numbers import fixed, number
from planner.starter import closed
from planner.starter.choices import Places, country_group, programme_words, round_figures
from planner.starter.people import (
    EXPERIMENTS_FACTOR,
    REFERENCE,
    Demand,
    Sector,
    fields,
    size_fields,
    training_runs,
)

YEARS = 6
BUILD_UP = (0.08, 0.25, 0.45, 0.65, 0.85, 1.0)
"""Share of the final demand at the start of each year: S-shaped, as national programmes plan it."""
LEAST_IT_MW = 5
"""Two of the smallest halls: with less a host could not build at all."""
SYSTEMS = ("hgx-b300", "gb300-nvl72", "vr200-nvl72", "mi355x-8")
CHAMPION, VENTURE, CLOUD = "champion-us-chips", "us-platform-local-operator", "us-cloud"

HEAD = """\
{title}
Starter written by `planner new` from the fact catalog of {version}; edit freely, then
  planner validate {file}; planner size {file}; planner solve {file}
Units stand in names: _mw megawatts, _musd million USD of money.price_year, _months. Dates are YYYY-MM-DD.
`assumed: true` marks what no source told: replace it first. Anything left out has a sourced default
(`planner catalog`). Law and licence entries are planning data, not legal advice."""

ROWS: dict[str, str] = {
    "horizon": "Horizon: six years in quarters; every decision is dated by the quarter in which it goes live.",
    "money": "Money: real USD of one price year. Discount rate: world base plus the sovereign premium.",
}


def document(name: str, iso3: str, catalog: Catalog, size: Demand, places: Places) -> CommentedMap:
    """The whole scenario as commented YAML nodes."""
    country = str(catalog.value("countries", iso3, "name"))
    start = date(first_year(catalog), 1, 1)
    rate = cost_of_capital_real(catalog, iso3)
    doc = CommentedMap()
    doc["planner"] = 1
    doc["name"] = name
    doc["title"] = f"{country} {start.year}-{start.year + YEARS - 1}, sovereign AI compute"
    doc["country"] = iso3
    doc["assumed"] = True
    doc["note"] = _text(
        f"size of demand: {size.note}; shares of people by sector and all sites and hosts are assumed"
    )
    doc["horizon"] = _flow({"start": start, "years": YEARS, "step": "quarter"})
    doc["money"] = _map(
        currency="USD",
        price_year=start.year - 1,
        discount_rate_real=round(rate.value, 4),
        assumed=True,
        note=_text(f"real cost of capital: {rate.why}"),
    )
    doc["demand"] = CommentedSeq(
        [*(_workload(sector, places, start) for sector in size.sectors), _research(size, places, start)]
    )
    doc["sites"] = CommentedSeq(_sites(catalog, iso3, size, places, start))
    doc["hosts"] = CommentedSeq(_hosts(catalog, iso3, size, places))
    stacks = (closed.STACK,) if places.closed else (CHAMPION, VENTURE, CLOUD)
    doc["stacks"] = CommentedSeq(_flow({"id": s}) for s in stacks)
    doc["systems"] = CommentedSeq(_flow({"id": k}) for k in systems_of(places))
    doc["supply"] = _supply(size, places, start)
    doc["limits"] = _map(delay_tolerance_months=6)
    doc["control"] = _map(**closed.control()) if places.closed else _control(catalog, places)
    doc["solve"] = _map(quality="plan", time_limit_s=600)
    _comment(doc, catalog, iso3, size, name)
    return doc


def _control(catalog: Catalog, places: Places) -> CommentedMap:
    abroad = str(catalog.value("metros", places.abroad, "iso3"))
    return _map(trusted_region=_list([abroad]), assumed=True, note=f"{abroad} taken as trusted: edit")


def first_year(catalog: Catalog) -> int:
    """The year after the price year of the catalog, taken from the newest system on sale."""
    dates = catalog.table("national_plans")["source_date"].dropna().astype(str).str[:4].astype(int)
    return int(dates.max()) + 1


def _map(**values: Any) -> CommentedMap:
    return CommentedMap({k: v for k, v in values.items() if v is not None})


def _flow(values: dict[str, Any]) -> CommentedMap:
    out = CommentedMap(values)
    out.fa.set_flow_style()
    return out


def _list(values: list[Any]) -> CommentedSeq:
    out = CommentedSeq(values)
    out.fa.set_flow_style()
    return out


def _text(words: str) -> Any:
    return FoldedScalarString(words) if len(words) > 80 else words


def _points(final: float, start: date) -> CommentedSeq:
    steps = [(date(start.year + i, 1, 1), round_figures(final * share)) for i, share in enumerate(BUILD_UP)]
    return CommentedSeq(_flow({"at": at, "value": value}) for at, value in steps)


def systems_of(places: Places) -> tuple[str, ...]:
    """Systems that the country can hope for; the first is the one its sites are laid out for."""
    return closed.SYSTEMS if places.closed else SYSTEMS


def _workload(sector: Sector, places: Places, start: date) -> CommentedMap:
    row = sector.row
    source = row["source_url"] if isinstance(row["source_url"], str) else None
    survives = not pd.isna(row["survival_share"])
    size, points = size_fields(row), _points(sector.users, start)
    # the note is of the users that are written, which are rounded
    rounded = points[-1]["value"] / sector.users if sector.users else 1.0
    return _map(
        **fields(row),
        survival_share=float(row["survival_share"]) if survives else None,
        survive_from=date(start.year + 4, 1, 1) if survives else None,
        **(closed.workload(str(row["data_class"])) if places.closed else {}),
        size=_map(**size, points=points),
        source=source,
        assumed=True,
        note=_text(
            f"{row['title']}; {row['note']}. At the end {number(rounded * sector.tokens_per_s)} tokens/s at the peak "
            f"hour, about {number(rounded * sector.accelerators, 2)} {REFERENCE}"
        ),
    )


def _research(size: Demand, places: Places, start: date) -> CommentedMap:
    """Training of national models, in proportion to output."""
    runs = CommentedSeq(_flow(run) for run in training_runs(size, start))
    return _map(
        id="research",
        kind="training",
        sector="research",
        body="public",
        data_class="official",
        latency_class="batch",
        model_class="frontier",
        priority=1,
        optional=True if places.closed else None,
        size=_map(by="training", runs=runs, experiments_factor=EXPERIMENTS_FACTOR),
        assumed=True,
        note=_text("training of national models, tokens in proportion to output; waits for quiet hours"),
    )


def site_need_mw(catalog: Catalog, size: Demand, places: Places) -> float:
    """Grid power the whole demand would take: accelerators to host x kW of a server with network x PUE.

    Chips slower than the reference are needed in proportion to their arithmetic.
    """
    system = catalog.table("systems").loc[systems_of(places)[0]]
    flops = catalog.table("accelerators")["bf16_dense_tflops"]
    kw = float(system["peak_kw"]) / float(system["n_accelerators"])
    kw *= max(1.0, float(flops[REFERENCE]) / float(flops[system["accelerator_id"]]))
    kw *= (1.0 + catalog.param("network_power_share")) * catalog.param("starter_design_pue")
    return size.accelerators * catalog.param("starter_accelerators_per_accelerator_asked") * kw / 1000.0


def _sites(catalog: Catalog, iso3: str, size: Demand, places: Places, start: date) -> Iterator[CommentedMap]:
    need = site_need_mw(catalog, size, places)
    least = LEAST_IT_MW * catalog.param("starter_design_pue")  # a campus that cannot feed its halls is none
    later = date(start.year + 1, 7, 1)
    for n, (id_, named, words, shares) in enumerate((
        ("campus", places.campus, places.notes["campus"], (0.3, 1.2)),
        ("second-campus", places.second, places.notes["second"], (0.1, 0.8)),
    )):  # fmt: skip
        own = places.own_site(n)
        metro: str | None = named
        where: dict[str, Any] = {"metro": named}
        if own is not None:
            words = f"{id_} at {own.name}, a place of your own"
            where = {"latitude": own.latitude, "longitude": own.longitude, "country": iso3}
            metro, _ = near_metro(catalog, iso3, own.latitude, own.longitude)
        wait = lookup(catalog, iso3, "grid_connect_months", metro=metro)
        done = catalog.param(f"starter_connection_done_{id_.split('-')[0]}")
        months = round(wait.value * (1.0 - done))
        yield _map(
            id=id_,
            **where,
            grid_mw=_steps({start: need * shares[0], later: max(need * shares[1], least)}),
            grid_lead_months=months,
            assumed=True,
            note=_text(
                f"{words}; application under way: {months} of {wait.value:.0f} months are left ({wait.said}); "
                f"{shares[1]} x the power of all demand, and enough for the smallest halls"
            ),
        )
    if places.closed:
        return
    yield _map(
        id="city",
        metro=places.city,
        grid_mw=_steps({start: max(need * 0.3, 5.0)}),
        assumed=True,
        note=_text(places.notes["city"]),
    )
    yield _map(
        id="abroad",
        metro=places.abroad,
        grid_mw=_steps({start: max(need * 0.3, 5.0)}),
        assumed=True,
        note=_text(places.notes["abroad"]),
    )


def _steps(steps: dict[date, float]) -> CommentedSeq:
    return _list([_flow({"from": day, "mw": max(round_figures(mw), 2)}) for day, mw in steps.items()])


def _hosts(catalog: Catalog, iso3: str, size: Demand, places: Places) -> Iterator[CommentedMap]:
    need = site_need_mw(catalog, size, places) / catalog.param("starter_design_pue")

    def it(share: float) -> int:
        return max(round_figures(need * share), LEAST_IT_MW)

    if places.closed:
        for id_, site, share, lead in closed.HOSTS:
            yield _host(
                id_, site, "build", "national-champion", closed.STACK, it(share), lead, closed.HOST_NOTE
            )
        return
    yield _host("champion-campus", "campus", "build", "national-champion", CHAMPION, it(1.0), 9,
                "owned and run by the national champion; law, keys and operation at home")  # fmt: skip
    yield _host("venture-campus", "second-campus", "build", "joint-venture", VENTURE, it(0.7), 9,
                "joint venture with a US platform: faster supply, a fee, a foreign parent")  # fmt: skip
    yield _host("champion-second", "second-campus", "build", "national-champion", CHAMPION, it(0.7), 12,
                "the champion's second site, where a workload must survive the loss of the first")  # fmt: skip
    yield _host("champion-colocation", "city", "colocation", "national-champion", CHAMPION, it(0.4), 6,
                "the champion in rented halls: early, small, dearer by the year")  # fmt: skip
    where = "city" if places.cloud_at_home else "abroad"
    yield _host("us-cloud", where, "cloud", "us-operator", CLOUD, None, 3, places.notes["cloud"])
    if places.cloud_at_home:
        yield _host("us-cloud-abroad", "abroad", "cloud", "us-operator", CLOUD, None, 3,
                    "the same cloud in the nearest large market")  # fmt: skip


def _host(
    id_: str, site: str, mode: str, owner: str, stack: str, max_it_mw: int | None, lead: int, note: str
) -> CommentedMap:
    return _map(
        id=id_,
        site=site,
        mode=mode,
        owner_class=owner,
        operator=owner,
        stacks=_list([stack]),
        max_it_mw=max_it_mw,
        open_lead_months=lead,
        assumed=True,
        note=_text(note),
    )


def _supply(size: Demand, places: Places, start: date) -> CommentedMap:
    if places.closed:
        return _map(reference=REFERENCE)
    clouds = ["us-cloud"] + (["us-cloud-abroad"] if places.cloud_at_home else [])
    steps = [(start.year, 0.1), (start.year + 2, 0.2), (start.year + 4, 0.3)]
    quota = _map(
        id="cloud-capacity",
        hosts=_list(clouds),
        basis="capacity",
        assumed=True,
        note="what a provider would reserve for one buyer: 10, 20, 30 % of final demand",
        path=CommentedSeq(
            _flow({"from": date(year, 1, 1), "accelerators": round_figures(size.accelerators * share)})
            for year, share in steps
        ),
    )
    return _map(reference=REFERENCE, quotas=CommentedSeq([quota]))


def _licence_words(catalog: Catalog, iso3: str) -> str:
    """What US export control means for chips of the reference class in this country."""
    rules = catalog.table("licence_rules")
    words = []
    group = country_group(catalog, iso3)
    rule = rules[(rules["country_group"] == group) & (rules["control_class"] == "3a090a")]
    if len(rule) and bool(rule["required"].iloc[0]):
        months = [f"{rule[f'lead_months_{x}'].iloc[0]:.0f}" for x in ("low", "mid", "high")]
        words.append(f"US chips need an export licence here (group {group}): {' / '.join(months)} months.")
        excepted = catalog.table("licence_exceptions")
        listed = excepted.loc[excepted["iso3"] == iso3, "note"]
        if len(listed):
            words.append(f"Excepted parties: {'; '.join(listed)}.")
    else:
        words.append(f"US chips need no export licence here (group {group}).")
    return " ".join(words)


def _demand_words(catalog: Catalog, iso3: str, size: Demand) -> str:
    parts = (
        "Demand in people by sector (table starter_sectors) with what they do (table use_profiles):",
        f"about {fixed(size.accelerators)} {REFERENCE} at the last peak hour, training included. {size.note}.",
        programme_words(catalog, iso3),
        "Profiles give lengths of requests, requests a day, speed and peak: state your own beside them. Other units:",
        "`by: requests-per-s`, `by: tokens-per-s`, `by: accelerators`, `by: training` (runs).",
    )
    return " ".join(part for part in parts if part)


def _comment(doc: CommentedMap, catalog: Catalog, iso3: str, size: Demand, name: str) -> None:
    """A comment before every section."""
    country = str(catalog.value("countries", iso3, "name"))
    gaps = [f"{body} {data_class}" for body, data_class in locality_gaps(catalog, iso3)]
    rules = f"no rule was found for: {', '.join(gaps)}" if gaps else "a rule was found for every class"
    wait: Found = lookup(catalog, iso3, "grid_connect_months")
    price: Found = lookup(catalog, iso3, "elec_price_usd_per_mwh")
    head = HEAD.format(
        title=f"{country}: starter scenario.", version=catalog_version(catalog), file=f"{name}.yaml"
    )
    words = ROWS | {
        "demand": f"""\
{_demand_words(catalog, iso3, size)}
Data class and body decide where compute may run (table locality_rules); {rules};
there the strictest rule of the class holds. `locality:` on a workload overrides it.""",
        "sites": f"""\
Sites: places with climate, law and a grid. Blank prices come from the catalog: electricity
{price.value:g} USD/MWh ({price.said}), wait for the grid {wait.value:g} months ({wait.said}).""",
        "hosts": """\
Hosts: ways to get capacity at a site. owner_class carries price factor, effectiveness, fee, team and the
vendors' allocation (table owner_classes); build waits for halls and grid, cloud does not.""",
        "stacks": "Stacks: bundles of layers from chip to operation (table stacks); they decide control.",
        "systems": f"Systems that may be bought or rented (table systems). {_licence_words(catalog, iso3)}",
        "supply": """\
Supply: caps on what may be ordered or rented. Allocations of the owner classes hold as well
(owner_allocations: true).""",
        "limits": """\
Limits: the plan seeks least cost within these. delay_tolerance_months: delay allowed above the least
possible, per workload (default 3, a tight plan). Also: max_cost_musd, min_control (0-100), control_floors (by class of
data or workload), money, shares.""",
        "control": """\
Control: scores of the EU Cloud Sovereignty Framework with "EU" read as the country or its trusted region;
floors per data class are the default (public 0, official 1, sensitive 1, secret 2).""",
        "solve": "Solve: quality quick (2 % gap), plan (1 %), proof (all hours of the day).",
    }
    doc.yaml_set_start_comment(head)
    for key, text in words.items():
        lines = [part for line in text.split("\n") for part in textwrap.wrap(line, 106)]
        doc.yaml_set_comment_before_after_key(key, before="\n" + "\n".join(lines))


def catalog_version(catalog: Catalog) -> str:
    """Newest year of the facts, as words."""
    return str(first_year(catalog) - 1)
