"""Scenarios in the making, kept on the server: text, the text it began from, who owns it, every earlier text.

Saving checks the revision the text was made from, and ``changed_elsewhere`` whether another page has written since,
so that two editors never overwrite each other unseen and one may go on before its last change is answered.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import sqlalchemy as sa

from planner.facts.errors import PlannerError
from planner.jobs.store import Store
from planner.jobs.tables import draft_history, drafts

KEEP = 200  # earlier texts of a draft


class Conflict(PlannerError):
    """The draft was changed elsewhere since it was read; nothing was saved."""


@dataclass(frozen=True)
class Draft:
    """One scenario in the making. ``base_text`` is what it was copied from; times in epoch seconds."""

    id: str
    name: str
    title: str | None
    text: str
    base_name: str | None
    base_text: str | None
    owner: str
    shared: bool
    archived: bool
    created: float
    updated: float
    revision: int
    folder: str | None


FIELDS = [drafts.c[f.name] for f in fields(Draft)]


def create(
    store: Store,
    name: str,
    text: str,
    owner: str,
    title: str | None = None,
    base_name: str | None = None,
    base_text: str | None = None,
) -> Draft:
    """A new draft; its id is its name with a short random end, so that links stay with it when it is renamed."""
    now = time.time()
    id_ = f"{name[:80]}-{secrets.token_hex(3)}"
    with store.writing() as connection:
        connection.execute(
            drafts.insert().values(
                id=id_, name=name, title=title, text=text, base_name=base_name, base_text=base_text, owner=owner,
                shared=False, archived=False, created=now, updated=now, revision=0,
            )
        )  # fmt: skip
    found = get(store, id_)
    assert found is not None
    return found


def get(store: Store, id: str) -> Draft | None:
    with store.reading() as connection:
        row = connection.execute(sa.select(*FIELDS).where(drafts.c.id == id)).one_or_none()
    return None if row is None else Draft(**row._mapping)


def find(
    store: Store, owner: str | None = None, archived: bool = False, folders: Sequence[str] = ()
) -> list[Draft]:
    """Drafts, last changed first; with ``owner``, that user's, what others have shared and what lies in these folders."""
    query = sa.select(*FIELDS).where(drafts.c.archived == archived).order_by(drafts.c.updated.desc())
    if owner is not None:
        query = query.where(sa.or_(drafts.c.owner == owner, drafts.c.shared, drafts.c.folder.in_(folders)))
    with store.reading() as connection:
        return [Draft(**row._mapping) for row in connection.execute(query)]


def updated(store: Store) -> dict[str, float]:
    """Id -> when each draft was last changed."""
    with store.reading() as connection:
        return {row.id: row.updated for row in connection.execute(sa.select(drafts.c.id, drafts.c.updated))}


def save(
    store: Store,
    id: str,
    text: str,
    revision: int,
    what: str,
    name: str | None = None,
    title: str | None = None,
    page: str | None = None,
) -> Draft:
    """Replaces the text and keeps the old one for undo; raises ``Conflict`` if the revision has moved on.

    ``page`` is the browser's page that writes, for ``changed_elsewhere``.
    """
    with store.writing() as connection:
        row = connection.execute(sa.select(*FIELDS).where(drafts.c.id == id)).one()
        if row.revision != revision:
            raise Conflict(f"the scenario was changed elsewhere (revision {row.revision}, yours {revision})")
        if row.text != text:
            connection.execute(
                draft_history.insert().values(
                    draft=id, revision=revision, at=time.time(), what=what[:300], text=row.text, page=page
                )
            )
            connection.execute(
                draft_history.delete().where(
                    draft_history.c.draft == id, draft_history.c.revision < revision - KEEP
                )
            )
            changed: dict[str, Any] = {"text": text, "revision": revision + 1, "updated": time.time()}
            if name is not None:
                changed |= {"name": name, "title": title}
            connection.execute(drafts.update().where(drafts.c.id == id).values(**changed))
    found = get(store, id)
    assert found is not None
    return found


def changed_elsewhere(store: Store, draft: Draft, revision: int, page: str) -> bool:
    """Whether any change between a revision and the draft as read was made by another than this page."""
    own = sa.select(sa.func.count()).where(
        draft_history.c.draft == draft.id,
        draft_history.c.page == page,
        draft_history.c.revision >= revision,
        draft_history.c.revision < draft.revision,
    )
    with store.reading() as connection:
        return bool(connection.execute(own).scalar_one() != draft.revision - revision)


def undo(store: Store, id: str) -> str | None:
    """Takes the last change back; returns what it was, or ``None`` if there is nothing to undo."""
    with store.writing() as connection:
        last = connection.execute(
            sa.select(draft_history)
            .where(draft_history.c.draft == id)
            .order_by(draft_history.c.id.desc())
            .limit(1)
        ).one_or_none()
        if last is None:
            return None
        connection.execute(draft_history.delete().where(draft_history.c.id == last.id))
        connection.execute(
            drafts.update()
            .where(drafts.c.id == id)
            .values(text=last.text, updated=time.time(), revision=drafts.c.revision + 1)
        )
        return str(last.what or "")


def history(store: Store, id: str) -> list[dict[str, Any]]:
    """Changes of a draft, newest first: revision, at, what."""
    columns = (draft_history.c.revision, draft_history.c.at, draft_history.c.what)
    query = sa.select(*columns).where(draft_history.c.draft == id).order_by(draft_history.c.id.desc())
    with store.reading() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def archive(store: Store, id: str, archived: bool = True) -> None:
    """Hides a draft from the list, or brings it back."""
    _set(store, id, archived=archived)


def share(store: Store, id: str, shared: bool) -> None:
    """Lets every user of the server see the draft, or not."""
    _set(store, id, shared=shared)


def move(store: Store, id: str, folder: str | None) -> None:
    """Puts the draft into a folder, or takes it out; runs made from it later lie there too."""
    _set(store, id, folder=folder)


def _set(store: Store, id: str, **values: Any) -> None:
    with store.writing() as connection:
        connection.execute(drafts.update().where(drafts.c.id == id).values(**values))
