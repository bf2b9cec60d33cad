"""What to say of a name that is not known: the names that are, and the one that was probably meant."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

MAX_LISTED = 12


def hint(word: str, known: Sequence[str]) -> str:
    """``; allowed ...; did you mean ...`` as far as it helps.

    >>> hint("hgx-b30", ["hgx-b300", "hgx-h100"])
    "; allowed 'hgx-b300', 'hgx-h100'; did you mean 'hgx-b300'?"
    >>> hint("korea", [])
    ''
    """
    allowed = f"; allowed {', '.join(repr(k) for k in known)}" if 0 < len(known) <= MAX_LISTED else ""
    close = get_close_matches(word, known, n=1)
    return allowed + (f"; did you mean {close[0]!r}?" if close else "")
