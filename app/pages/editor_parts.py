"""What the views of the editor and its check share: the marks of a draft, its problems, how it is saved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from planner.app.components import layout
from planner.app.components.attrs import attrs
from planner.app.components.icon import icon
from planner.app.pages.scenarios import visible
from planner.app.services import Refused, Services
from planner.app.state import editing, url
from planner.app.state.sections import place_of
from planner.jobs import drafts
from planner.report.strings import t

DRAFT, REFRESH, SECTION, STATUS, TAKEN = "ed-draft", "ed-refresh", "ed-section", "ed-status", "ed-taken"
MORE_PROBLEMS = 12


def problems(checked: editing.Checked, draft: str) -> Any:
    """Every problem, as a list of links to where it is mended."""
    lines = [
        html.Span([_link(p.path, draft), " ", p.message, html.Span(f" (line {p.line})", className="muted")])
        for p in checked.problems[:MORE_PROBLEMS]
    ]
    return layout.alert(
        t("scenario.check-invalid"), [html.Ul([html.Li(line) for line in lines])], kind="error"
    )


def _link(path: str, draft: str) -> Any:
    """A path of a scenario as a link to its cell or field."""
    section, _ = place_of(path)
    return dcc.Link(html.Code(path), href=url.href("scenario", draft, section=section, at=path))


def status(
    checked: editing.Checked, draft: drafts.Draft, doubtful: bool = False, checking: bool = False
) -> Any:
    """That everything is saved, and whether anything is wrong or worth a look, as a link to the first place.

    ``doubtful``: no plan can meet the scenario, as the check found; ``checking``: it has not found its answer yet.
    """
    told = checked.problems or checked.warnings
    words, colour, mark = t("scenario.sound"), "teal", "circle-check"
    if checked.problems:
        words, colour, mark = _counted("problem", len(told)), "red", "alert-triangle"
    elif doubtful:
        words, colour, mark = t("scenario.check-trouble"), "red", "alert-triangle"
    elif checking:
        words, colour, mark = t("scenario.checking-short"), "gray", "clock"
    elif told:
        words, colour, mark = _counted("warning", len(told)), "yellow", "alert-triangle"
    badge: Any = dmc.Badge(words, color=colour, variant="light", leftSection=icon(mark))
    if told:
        path = told[0].path
        href = url.href("scenario", draft.id, section=place_of(path)[0], at=path)
        badge = dcc.Link(badge, href=href, className="badge-link")
    saved = html.Span(
        t("scenario.saved"), className="muted small", **attrs({"data-revision": str(draft.revision)})
    )
    return dmc.Group([saved, badge], gap="xs")


def _counted(what: str, n: int) -> str:
    """How many there are, in words."""
    return t(f"scenario.{what}") if n == 1 else t(f"scenario.{what}s", n=n)


def warnings(checked: editing.Checked, draft: str) -> Any:
    """What is in order but looks wrong, with its path; nothing where nothing does."""
    lines = [html.Span([_link(p.path, draft), " ", p.message]) for p in checked.warnings[:MORE_PROBLEMS]]
    items = [html.Ul([html.Li(line) for line in lines])]
    return layout.alert(t("scenario.check-warned"), items, kind="warning") if lines else None


def seen(draft: drafts.Draft) -> dict[str, Any]:
    """What a page of the browser has seen of a draft: which, and as of which revision."""
    return {"id": draft.id, "revision": draft.revision}


def change(
    services: Services, held: dict[str, Any], page: str, how: Callable[[str], tuple[str, str]]
) -> drafts.Draft:
    """Changes the text as it now stands by ``how`` (text -> new text, what changed) and keeps it.

    A change of the same page that was saved since is built upon, not refused: one types on before the answer is
    there. Raises ``Refused`` for another user, and where another page changed the scenario since this one saw it.
    """
    with services.one_at_a_time(held["id"]):
        draft = visible(services, held["id"])
        text, what = how(draft.text)
        if text == draft.text:
            return draft
        may_change(services, draft)
        if drafts.changed_elsewhere(services.store, draft, held["revision"], page):
            raise Refused(t("scenario.conflict"))
        return save(services, draft, text, what, draft.revision, page)


def save(
    services: Services, draft: drafts.Draft, text: str, what: str, revision: int, page: str | None = None
) -> drafts.Draft:
    """Keeps a changed text under its owner's name; raises ``Refused`` for another user or a stale revision."""
    may_change(services, draft)
    doc = editing.document(text)
    name, title = doc.get("name"), doc.get("title")
    try:
        return drafts.save(
            services.store,
            draft.id,
            text,
            revision,
            what,
            name=name[:80] if isinstance(name, str) and name else draft.name,
            title=title[:300] if isinstance(title, str) else None,
            page=page,
        )
    except drafts.Conflict as error:
        raise Refused(t("scenario.conflict")) from error


def may_change(services: Services, draft: drafts.Draft) -> None:
    """Raises ``Refused`` where the user may not change the draft."""
    refusal = t("scenario.read-only", owner=draft.owner)
    services.require_change(draft, f"scenario {draft.id} of {draft.owner}", refusal)
