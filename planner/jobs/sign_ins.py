"""Sign-ins of the application: sessions that end when they are ended, tries that are counted before they are made.

A try takes its place in one transaction, before the password is looked at: two hundred at the same moment are no
more than eight. What is older than the window is deleted with the next try, so that no name is kept.
"""

from __future__ import annotations

import secrets
import time

import sqlalchemy as sa

from planner.jobs.store import Store
from planner.jobs.tables import locked, sessions, tries

WINDOW_S = 60.0
TRIES = 8
"""Failed tries with one name from one address, within the window."""
TRIES_OF_NAME = 40
"""The same with one name from all addresses."""
TRIES_OF_ADDRESS = 120
"""The same from one address with all names: a whole office may stand behind one."""
SESSION_S = 30 * 86400.0


def take_try(store: Store, name: str, address: str, device: str | None = None) -> bool:
    """Whether a password may be tried now; a try that is taken counts as failed until ``succeeded``.

    ``device`` is the mark of a browser that has signed in with this name before. Its tries are counted by
    themselves: whoever guesses from the same address, or with the same name, does not lock the right person out.
    """
    now = time.time()
    place = f"device {device}" if device else address
    with store.writing() as connection:
        locked(connection, tries)
        # a time far ahead was written before the clock was set back
        past = (tries.c.at < now - WINDOW_S) | (tries.c.at > now + WINDOW_S)
        connection.execute(tries.delete().where(past))
        limits: list[tuple[int, tuple[sa.ColumnElement[bool], ...]]]
        limits = [(TRIES, (tries.c.name == name, tries.c.address == place))]
        if device is None:
            limits += [
                (TRIES_OF_NAME, (tries.c.name == name,)),
                (TRIES_OF_ADDRESS, (tries.c.address == address,)),
            ]
        for most, which in limits:
            if (
                connection.execute(sa.select(sa.func.count()).select_from(tries).where(*which)).scalar_one()
                >= most
            ):
                return False
        connection.execute(tries.insert().values(at=now, name=name, address=place))
    return True


def succeeded(store: Store, name: str, address: str, device: str | None = None) -> None:
    """Forgets the tries of who has now signed in."""
    place = f"device {device}" if device else address
    with store.writing() as connection:
        connection.execute(tries.delete().where(tries.c.name == name, tries.c.address == place))


def open_session(store: Store, user: str) -> str:
    """The key of a new session; those that are past their time are deleted."""
    key, now = secrets.token_hex(16), time.time()
    with store.writing() as connection:
        connection.execute(sessions.delete().where(sessions.c.at < now - SESSION_S))
        connection.execute(sessions.insert().values(key=key, user=user, at=now))
    return key


def is_open(store: Store, key: str, user: str) -> bool:
    """Whether a session of this user has been opened and not closed since."""
    query = sa.select(sessions.c.at).where(sessions.c.key == key, sessions.c.user == user)
    with store.reading() as connection:
        at = connection.execute(query).scalar_one_or_none()
    return at is not None and at >= time.time() - SESSION_S


def close_session(store: Store, key: str) -> None:
    with store.writing() as connection:
        connection.execute(sessions.delete().where(sessions.c.key == key))
