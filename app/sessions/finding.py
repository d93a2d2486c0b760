"""Finding a thing by a few letters of its name: sessions by title, files by path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.sessions.events import FileChange
from app.sessions.filters import SearchFilter

if TYPE_CHECKING:
    from app.sessions.queries import Queries
    from app.sessions.views import NamedSession

FILE_HITS = 40
WIDEST_SPREAD = 2
"""Letters may be so many times further apart than they are typed."""


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that a session changed, with the newest event that did."""

    path: str
    session: str
    event: str


def match_score(wanted: str, name: str) -> int | None:
    """How well the letters of a name match what was typed, higher is better; None: they do not.

    Best is the whole text at the beginning, then at a word, then anywhere; then its words in any order; then its
    letters in order. Both are taken in lower case; `wanted` without spaces around it.
    """
    if not wanted:
        return 0
    name = name.lower()
    place = name.find(wanted)
    if place >= 0:
        at_word = place == 0 or not name[place - 1].isalnum()
        return 4_000 - min(place, 500) - min(len(name), 400) + (1_000 if at_word else 0) + (500 if place == 0 else 0)
    words = wanted.split()
    if len(words) > 1 and all(word in name for word in words):
        return 2_000 - min(len(name), 400)
    letters = wanted.replace(" ", "")
    spread = _spread(letters, name)
    return None if spread is None or spread > WIDEST_SPREAD * len(letters) else 1_000 - min(spread, 900)


def _spread(letters: str, name: str) -> int | None:
    """Over how many characters the letters, in order, are spread in a name; None: it lacks one."""
    first = place = -1
    for letter in letters:
        place = name.find(letter, place + 1)
        if place < 0:
            return None
        first = place if first < 0 else first
    return place - first


def find_sessions(sessions: Sequence[NamedSession], text: str, limit: int) -> list[NamedSession]:
    """The sessions whose titles match best; the newest first where they match equally well."""
    wanted = text.strip().lower()
    scored = [(score, one) for one in sessions if (score := match_score(wanted, one.title)) is not None]
    scored.sort(key=lambda pair: (-pair[0], -pair[1].updated))
    return [one for _score, one in scored[:limit]]


def find_files(queries: Queries, text: str, limit: int) -> list[FoundFile]:
    """Files whose paths match, by the index, newest change first."""
    wanted = text.strip().lower()
    if not wanted:
        return []
    found: dict[str, FoundFile] = {}
    for hit in queries.search(text, SearchFilter(kind="file_change", as_typed=True, limit=FILE_HITS)):
        body = queries.event(hit.session, hit.event).body
        if isinstance(body, FileChange) and body.path not in found and match_score(wanted, body.path) is not None:
            found[body.path] = FoundFile(body.path, hit.session, hit.event)
    return list(found.values())[:limit]
