"""Earlier sessions that have to do with a text, by the full-text index.

Of the words of the text those count that are rare in the index: each finds the newest events that have it, and a
session is worth the sum of what its words are worth, the rarer the more; words in a title or a prompt count for more
than those of an answer. A few milliseconds, however many events there are: as many look-ups as there are rare words, of
a bounded number of rows each.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from app.sessions.event_queries import UNTITLED
from app.sessions.filtering import LISTED, listed
from app.sessions.indexing import waiting_texts
from app.sessions.workspace_queries import WorkspaceQueries
from sync.store.search_index import match_expression

MOST = 3
MOST_WORDS = 8
COMMON = 500
"""A word that the index has so often, or in a tenth of all events, says little about what a text is about."""
_FEW = 12
_ROWS = 60
_LETTERS = 3
_CONSIDERED = 4_000
"""Characters of the text that are looked at."""
_WORTH: Mapping[str, float] = {"session_set": 2.0, "user_message": 1.5, "conclusion": 1.5, "agent_message": 1.0}
_WORDS = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class RelatedSession:
    """An earlier session that has to do with a text. updated: milliseconds."""

    id: str
    title: str
    updated: int


@dataclass(frozen=True, slots=True)
class Hit:
    """A word was found in an event of a session (row id). worth: of the word; kind: of the event."""

    session: int
    word: str
    kind: str
    worth: float


class RelatedQueries(WorkspaceQueries):
    """Finds related sessions in the workspace of the call."""

    def related(self, text: str, *, but: str | None = None, limit: int = MOST) -> list[RelatedSession]:
        """The sessions that have most to do with a text, the best first. but: not this session (its full id)."""
        words, common = distinct_words(text), self._common()
        waiting = list(self._waiting(words))
        counts = Counter(word for _session, _kind, found in waiting for word in found)
        counts.update({word: self._count(word) for word in words})
        rare = {word: count for word, count in counts.items() if 0 < count < common}
        late = (
            Hit(session, word, kind, _worth(rare[word]))
            for session, kind, found in waiting
            for word in found & rare.keys()
        )
        scores = scored([*self._indexed(rare), *late], len(words))
        rows = self._connection.execute(
            f"SELECT row, id, title, updated FROM session WHERE row {LISTED} AND workspace=? AND trashed=0 "
            "AND id IS NOT ?",
            (listed(scores), self.workspace, but),
        ).fetchall()
        rows.sort(key=lambda row: (-scores[row[0]], -(row[3] or 0)))
        return [RelatedSession(found, title or UNTITLED, updated or 0) for _, found, title, updated in rows[:limit]]

    def _common(self) -> int:
        """From which count on a word says little here."""
        (events,) = self._connection.execute("SELECT coalesce(sum(events), 0) FROM session").fetchone()
        return min(COMMON, max(_FEW, int(events) // 10))

    def _indexed(self, counts: Mapping[str, int]) -> Iterator[Hit]:
        counted = sorted((count, word) for word, count in counts.items())
        kinds = [f"k_{kind}" for kind in _WORTH]
        for count, word in counted[:MOST_WORDS]:
            match = match_expression(word, [[f"w{self.workspace}"], kinds])
            found = self._connection.execute(
                "SELECT e.session, e.kind FROM search CROSS JOIN event e ON e.row=search.rowid WHERE search MATCH ? "
                "ORDER BY search.rowid DESC LIMIT ?",
                (match, _ROWS),
            )
            for session, kind in found:
                yield Hit(session, word, kind, _worth(count))

    def _count(self, word: str) -> int:
        sql = "SELECT count(*) FROM (SELECT 1 FROM search_term WHERE term=? LIMIT ?)"
        return int(self._connection.execute(sql, (word, COMMON)).fetchone()[0])

    def _waiting(self, words: frozenset[str]) -> Iterator[tuple[int, str, frozenset[str]]]:
        """Of the events that wait for the index: session, kind, and which of the words they have."""
        texts = {text.row: text.text for text in waiting_texts(self._connection, self._blobs)} if words else {}
        rows = self._connection.execute(f"SELECT row, session, kind FROM event WHERE row {LISTED}", (listed(texts),))
        for row, session, kind in rows.fetchall():
            if kind in _WORTH:
                yield session, kind, words & set(_WORDS.findall(texts[row].lower()))


def distinct_words(text: str) -> frozenset[str]:
    """The words of a text that may say what it is about. Pure."""
    words = _WORDS.findall(text[:_CONSIDERED].lower())
    return frozenset(word for word in words if len(word) >= _LETTERS and not word.isdecimal())


def scored(hits: Iterable[Hit], words: int) -> dict[int, float]:
    """What sessions are worth, of those that share enough with a text of so many words. Pure."""
    best: dict[int, dict[str, float]] = defaultdict(dict)
    for hit in hits:
        known = best[hit.session].get(hit.word, 0.0)
        best[hit.session][hit.word] = max(known, hit.worth * _WORTH.get(hit.kind, 0.0))
    needed = 1 if words < 2 else 2
    return {session: sum(found.values()) for session, found in best.items() if len(found) >= needed}


def _worth(count: int) -> float:
    return 1 / math.log2(2 + count)
