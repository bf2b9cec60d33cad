"""A country from nothing: who is served, who may host, what may not be crossed; a first estimate at each change.

The scenario is the starter of the country with what was asked for here; it opens in the editor or goes to the queue.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import Any

import dash
import dash_mantine_components as dmc
from dash import ALL, Input, Output, State, ctx, dcc, html, no_update

from planner.app.components import kpi, layout
from planner.app.pages import add_page
from planner.app.pages.editor_check import submit
from planner.app.pages.estimate import cards
from planner.app.pages.new_checklist import CHANGE, checklist, plain
from planner.app.services import Services
from planner.app.state import editing, sections, url
from planner.case.places import place_of
from planner.facts.catalog import Catalog
from planner.facts.errors import PlannerError
from planner.facts.numbers import percent
from planner.intake.scenario_file import set_in_file
from planner.jobs import drafts
from planner.report.brief import doubts_told
from planner.report.strings import t
from planner.report.terms import term
from planner.scenario.schema import Scenario
from planner.sizing.size import size
from planner.starter.choices import OwnSite
from planner.starter.starter import Starter, assumed_inputs, compose
from planner.starter.wishes import Wishes, changes, final_users

PAGE = "new"
COUNTRY, TITLE, SITES, FORM, OUT, GOTO, QUERY, MADE_FOR = (
    "nc-country", "nc-title", "nc-sites", "nc-form", "nc-out", "nc-goto", "nc-query", "nc-made-for",
)  # fmt: skip
USERS, KEEP, HOSTS, BUDGET, SERVE_BY, CONTROL = (
    "nc-users", "nc-keep", "nc-hosts", "nc-budget", "nc-serve-by", "nc-control",
)  # fmt: skip
MAKE, SOLVE = "nc-make", "nc-solve"
DEFAULTS = {"of": ""}
MOST_SITES = 2
FIGURES = (("accelerators", ""), ("facility_mw", "MW"), ("capex_musd", "MUSD"), ("energy_gwh", "GWh"))
WISHED = (
    Input({"type": USERS, "id": ALL}, "value"), Input({"type": USERS, "id": ALL}, "id"),
    Input({"type": KEEP, "id": ALL}, "checked"), Input({"type": KEEP, "id": ALL}, "id"),
    Input({"type": HOSTS, "id": ALL}, "value"), Input({"type": SERVE_BY, "id": ALL}, "value"),
    Input({"type": BUDGET, "id": ALL}, "value"), Input({"type": CONTROL, "id": ALL}, "value"),
)  # fmt: skip
"""Everything that is asked for below the country; under patterns, as the form comes with the country."""
KEPT: Any = {"persistence_type": "memory"}
"""What was filled in is put back in the browser where a form of the same country comes after it, by the same default."""


def register(app: dash.Dash, services: Services) -> None:
    add_page(PAGE, lambda **query: page(services, str(url.parse(query, DEFAULTS)["of"])))

    @app.callback(
        Output(FORM, "children"), Output(QUERY, "data"), Input(MADE_FOR, "data"), prevent_initial_call=True
    )
    def choose(asked: list[str]) -> tuple[Any, Any]:
        return form(services.catalog, *asked), url.query({"of": asked[0]}, DEFAULTS)

    # the browser knows at once what was asked for: leaving a field does not ask for the same form again
    app.clientside_callback(
        dash.ClientsideFunction("planner", "where"),
        Output(MADE_FOR, "data"),
        Input(COUNTRY, "value"),
        Input(SITES, "value"),
        State(MADE_FOR, "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        dash.ClientsideFunction("planner", "replaceQuery"), Input(QUERY, "data"), prevent_initial_call=True
    )

    @app.callback(
        Output({"type": OUT, "id": ALL}, "children"),
        *WISHED,
        State(COUNTRY, "value"),
        State(SITES, "value"),
        State(TITLE, "value"),
    )
    def estimate(*given: Any) -> Any:
        *wished, iso3, sites, title = given
        if not ctx.outputs_list:
            return []
        return [_estimate(services.catalog, iso3 or "", sites or "", wishes(title, *wished))]

    @app.callback(
        Output(GOTO, "href"),
        Output({"type": OUT, "id": ALL}, "children", allow_duplicate=True),
        Input({"type": MAKE, "id": ALL}, "n_clicks"),
        Input({"type": SOLVE, "id": ALL}, "n_clicks"),
        Input({"type": CHANGE, "at": ALL}, "n_clicks"),
        *(State(one.component_id, one.component_property) for one in WISHED),
        State(COUNTRY, "value"),
        State(SITES, "value"),
        State(TITLE, "value"),
        prevent_initial_call=True,
    )
    def make(_make: Any, _solve: Any, _change: Any, *given: Any) -> Any:
        *wished, iso3, sites, title = given
        if not ctx.triggered_id or not ctx.triggered[0]["value"]:
            return no_update, [no_update]
        user = services.require_planner()
        try:
            starter, text, scenario = made(services.catalog, iso3 or "", sites or "", wishes(title, *wished))
        except PlannerError as error:
            return no_update, [_refused(error)]
        base = t("new.base", country=iso3)
        draft = drafts.create(
            services.store, scenario.name, text, user.name, scenario.title, base, starter.text
        )
        if ctx.triggered_id["type"] == MAKE:
            return url.href("scenario", draft.id), [no_update]
        if ctx.triggered_id["type"] == CHANGE:
            at = ctx.triggered_id["at"]
            return url.href("scenario", draft.id, section=sections.place_of(at)[0], at=at), [no_update]
        job, _ = submit(services, scenario, draft.id, {"quality": "quick", "objective": "cost"})
        return url.href("run", job.id), [no_update]


def page(services: Services, iso3: str) -> html.Div:
    countries = services.catalog.table("countries")["name"]
    options = [{"value": str(code), "label": f"{name} ({code})"} for code, name in countries.items()]
    return layout.page(
        t("new.title"),
        dcc.Location(id=GOTO, refresh="callback-nav"),
        dcc.Store(id=QUERY),
        dcc.Store(id=MADE_FOR, data=[iso3, ""]),
        layout.section(
            t("new.where"),
            html.Div(
                [
                    dmc.Select(id=COUNTRY, data=options, value=iso3 if iso3 in countries.index else None,
                               searchable=True, selectFirstOptionOnChange=True, label=t("new.country"),
                               placeholder=t("new.country-hint")),
                    dmc.TextInput(id=TITLE, label=t("new.name"), placeholder=t("new.name-hint"), debounce=True),
                    dmc.Textarea(id=SITES, label=t("new.sites"), description=t("new.sites-help"), debounce=True,
                                 placeholder="lake, 7.3, -0.7", autosize=True, minRows=1, maxRows=MOST_SITES),
                ],
                className="three-up",
            ),
            lead=t("new.where-lead"),
        ),
        html.Div(form(services.catalog, iso3, ""), id=FORM, className="stack"),
        lead=t("new.lead"),
    )  # fmt: skip


def form(catalog: Catalog, iso3: str, sites: str) -> list[Any]:
    """What may be asked for in a country, at the starter's values; what is wrong where there is no starter."""
    if not iso3:
        return []
    try:
        starter = _starter(iso3, sites, catalog)
    except PlannerError as error:
        return [_refused(error)]
    scenario = starter.scenario
    return [
        layout.section(t("new.people"), html.Div(_people(scenario, iso3), className="three-up"), lead=t("new.people-lead")),
        layout.section(t("new.hosts"), _hosts(scenario, catalog, iso3), lead=t("new.hosts-lead")),
        layout.section(
            t("new.lines"),
            html.Div(_lines(scenario, iso3), className="three-up"),
            *(html.P(told, className="muted") for told in survivors(scenario)),
            lead=t("new.lines-lead"),
        ),
        layout.section(
            t("new.estimate"),
            html.Div(id={"type": OUT, "id": "estimate"}, role="status"),
            lead=t("new.estimate-lead"),
            actions=[
                dmc.Button(t("new.make"), id={"type": MAKE, "id": "make"}, variant="default"),
                dmc.Button(t("new.solve"), id={"type": SOLVE, "id": "solve"}),
            ],
        ),
    ]  # fmt: skip


def _people(scenario: Scenario, kept: str) -> list[Any]:
    """A number of people a workload; a switch for what is not stated in people."""
    parts: list[Any] = []
    for w in scenario.demand:
        users = final_users(w)
        who = f" ({t('new.public')})" if w.body == "public" else ""
        told = {"label": plain(w.id), "description": _first(w.note or "") + who, "persistence": kept, **KEPT}
        if users is None:
            parts.append(dmc.Switch(id={"type": KEEP, "id": w.id}, checked=True, **told))
        else:
            parts.append(dmc.NumberInput(id={"type": USERS, "id": w.id}, value=users, min=0, thousandSeparator=" ",
                                         debounce=True, suffix=t("new.people-unit"), **told))  # fmt: skip
    return parts


def _hosts(scenario: Scenario, catalog: Catalog, kept: str) -> dmc.CheckboxGroup:
    places = {site.id: place_of(catalog, site) for site in scenario.sites}
    countries = catalog.table("countries")["name"]
    boxes = [
        dmc.Checkbox(
            value=host.id, description=host.note,
            label=t("new.host", place=places[host.site].name, country=countries[places[host.site].iso3],
                    how=term("mode", host.mode), owner=host.owner_class.replace("-", " ")),
        )
        for host in scenario.hosts
    ]  # fmt: skip
    return dmc.CheckboxGroup(
        dmc.Stack(boxes, gap="xs"), id={"type": HOSTS, "id": "hosts"}, value=[h.id for h in scenario.hosts],
        label=t("new.hosts-label"), persistence=kept, **KEPT,
    )  # fmt: skip


def _lines(scenario: Scenario, kept: str) -> list[Any]:
    first, last = scenario.horizon.start.year, scenario.horizon.start.year + scenario.horizon.years
    years = [{"value": str(y), "label": t("new.serve-by-year", year=y)} for y in range(first + 1, last)]
    money = t("app.unit.money", year=scenario.money.price_year)
    return [
        dmc.NumberInput(id={"type": BUDGET, "id": "budget"}, label=t("new.budget", money=money), min=0, debounce=True,
                        thousandSeparator=" ", description=t("new.budget-help"), placeholder=t("new.none"), persistence=kept,
                        **KEPT),
        dmc.Select(id={"type": SERVE_BY, "id": "serve-by"}, label=t("new.serve-by"), data=years, clearable=True,
                   description=t("new.serve-by-help"), placeholder=t("new.none"), persistence=kept, **KEPT),
        dmc.NumberInput(id={"type": CONTROL, "id": "control"}, label=t("new.control"), min=0, max=100, debounce=True,
                        description=t("new.control-help"), placeholder=t("new.none"), persistence=kept, **KEPT),
    ]  # fmt: skip


def wishes(
    title: str | None, users: list[Any], user_ids: list[Any], keep: list[Any], keep_ids: list[Any],
    hosts: list[Any], serve_by: list[Any], budget: list[Any], control: list[Any],
) -> Wishes:  # fmt: skip
    """What the fields of the form say; an empty field asks for nothing, an empty number of people is none."""
    people = {one["id"]: float(value or 0) for one, value in zip(user_ids, users, strict=True)}
    people |= {one["id"]: 0.0 for one, kept in zip(keep_ids, keep, strict=True) if not kept}
    year = serve_by[0] if serve_by else None
    return Wishes(
        title=title or "",
        users=people,
        hosts=tuple(hosts[0]) if hosts and hosts[0] is not None else None,
        serve_by=date(int(year), 1, 1) if year else None,
        max_cost_musd=_number(budget),
        min_control=_number(control),
    )


def _number(given: list[Any]) -> float | None:
    return float(given[0]) if given and given[0] not in (None, "") else None


def made(catalog: Catalog, iso3: str, sites: str, asked: Wishes) -> tuple[Starter, str, Scenario]:
    """The starter, the text with what was asked for, and its scenario; ``PlannerError`` with what is wrong."""
    starter = _starter(iso3, sites, catalog)
    text = set_in_file(starter.text, changes(starter.scenario, asked))
    checked = editing.check(text, catalog)
    if checked.scenario is None:
        raise editing.InputError(checked.problems)
    return starter, text, checked.scenario


@lru_cache(32)
def _starter(iso3: str, sites: str, catalog: Catalog) -> Starter:
    own = [OwnSite.parse(line) for line in re.split(r"[\n;]+", sites) if line.strip()]
    return compose(f"{iso3.lower()}-plan", iso3, catalog, own[:MOST_SITES])


def _estimate(catalog: Catalog, iso3: str, sites: str, asked: Wishes) -> Any:
    """The rough figure of what is asked for, its range and what it rests on most."""
    try:
        _, _, scenario = made(catalog, iso3, sites, asked)
        rough = size(scenario, catalog)
    except PlannerError as error:
        return _refused(error)
    told = doubts_told(rough.chains.values())
    assumed = assumed_inputs(scenario, catalog)
    return [
        kpi.cards(cards(rough, FIGURES), 170),
        html.P(" ".join([t("new.differs", sites=len(scenario.sites)), *survivors(scenario)])),
        html.P(told) if told else None,
        html.Details(
            [
                html.Summary(t("new.assumed", n=len(assumed))),
                html.P(t("new.assumed-lead"), className="muted"),
                checklist(assumed),
            ]
        ),
    ]


def survivors(scenario: Scenario) -> list[str]:
    """A sentence for every workload a share of which must survive the loss of a site."""
    return [
        t("new.survives", share=percent(w.survival_share), name=plain(w.id),
          date=f"{w.survive_from or scenario.horizon.start:%Y-%m}")
        for w in scenario.demand if w.survival_share
    ]  # fmt: skip


def _refused(error: PlannerError) -> Any:
    lines = [p.message for p in error.problems] if isinstance(error, editing.InputError) else [str(error)]
    return layout.alert(t("new.refused"), lines, kind="error")


def _first(note: str) -> str:
    """The first part of a note: what the workload is."""
    return re.split(r"[;,]", note, maxsplit=1)[0]
