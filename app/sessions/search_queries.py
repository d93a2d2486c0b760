"""Searching: what is in the full-text index, what still waits for it, and the pieces of text to show.

Events that wait for the index are put into a small one in memory, which finds them with the same expression. The same
small index marks the words in the texts of what was found, because the large one keeps none; in plain ones a regular
expression does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from app.sessions.bodies import MAX_TIME
from app.sessions.event_queries import UNTITLED
from app.sessions.filtering import LISTED, ROW_SLACK, listed, session_conditions, within_time
from app.sessions.filters import SearchFilter, SessionFilter
from app.sessions.indexing import stored_text, waiting_texts
from app.sessions.lineage import Part
from app.sessions.snippets import RAW_CLOSE, RAW_OPEN, cut_excerpt, cut_snippet
from app.sessions.views import SearchHit
from app.sessions.workspace_queries import WorkspaceQueries
from sync.store.blobs import BlobStore
from sync.store.database import Connection
from sync.store.search_index import (
    Lens,
    completions,
    first_row,
    is_plain,
    marking_expression,
    marking_pattern,
    match_expression,
    words_of,
)

FEW_SESSIONS = 64
"""So many sessions are named to the index; among more, rows that it finds are looked at one by one."""
_FOUND = "e.row, s.id, e.id, e.kind, e.time, s.title, e.body"


@dataclass(frozen=True, slots=True)
class _Found:
    """An event that matches, before its snippet is made. rank: 0 where that is not asked for."""

    rank: float
    row: int
    session: str
    event: str
    kind: str
    time: int
    title: str | None
    body: bytes | str


class SearchQueries(WorkspaceQueries):
    """What `Queries.search` needs; a module of its own, because most programs never search."""

    def __init__(self, connection: Connection, blobs: BlobStore, workspace: int) -> None:
        super().__init__(connection, blobs, workspace)
        self._lens = Lens()

    def close(self) -> None:
        """Give the memory back; the connection stays open."""
        self._lens.close()

    def search(self, query: str, wanted: SearchFilter) -> list[SearchHit]:
        """Events that hold all words, newest first; nothing that people type is an error."""
        parts = [] if wanted.session is None else self._parts(wanted.session)
        filters = self._filter_tokens(wanted, parts)
        if not all(filters) or match_expression(query) is None:
            return []
        # First what waits: what moves into the index meanwhile is found twice rather than never.
        waiting = self._find_waiting(query, filters, wanted, parts)
        found = {hit.row: hit for hit in (*waiting, *self._find_indexed(query, filters, wanted, parts))}
        best = sorted(found.values(), key=lambda hit: (hit.rank, -hit.row))[: max(wanted.limit, 0)]
        snippets = self._snippets(best, query, wanted)
        return [
            SearchHit(hit.session, hit.event, hit.kind, hit.time, hit.title or UNTITLED, snippet)
            for hit, snippet in zip(best, snippets, strict=True)
        ]

    def find(self, session: str, query: str) -> list[str]:
        """Ids of the events of a conversation that hold all words, in order; the last word is unfinished."""
        parts = self._parts(session)
        sessions = [f"s{part.row}" for part in parts]
        match = match_expression(query, [sessions], as_typed=True, complete=partial(completions, self._connection))
        if match is None:
            return []
        waiting = self._waiting_ranks(match_expression(query, [sessions], as_typed=True))
        where = f"e.kind<>'session_set' AND ({_inside(parts)})"
        indexed = "search CROSS JOIN event e ON e.row=search.rowid WHERE search MATCH ?"
        sql = f"SELECT e.session, e.id FROM {indexed} AND {where}"
        rows = set(self._connection.execute(sql, (match, *_places(parts))))
        sql = f"SELECT e.session, e.id FROM event e WHERE e.row {LISTED} AND {where}"
        rows |= set(self._connection.execute(sql, (listed(waiting), *_places(parts))))
        order = {part.row: number for number, part in enumerate(parts)}
        return [event for _part, event in sorted((order[part], event) for part, event in rows)]

    def _find_indexed(
        self, query: str, filters: list[list[str]], wanted: SearchFilter, parts: Sequence[Part]
    ) -> list[_Found]:
        complete = partial(completions, self._connection)
        match = match_expression(query, filters, as_typed=wanted.as_typed, complete=complete)
        where, values = self._conditions(wanted, parts)
        # CROSS JOIN: the index comes first; asked for one session SQLite would look up each of its events in the index
        sql = (
            f"SELECT {'search.rank' if wanted.rank else '0'}, {_FOUND} "
            "FROM search CROSS JOIN event e ON e.row=search.rowid CROSS JOIN session s ON s.row=e.session "
            f"WHERE search MATCH ? AND {where.format(row='search.rowid')} "
            f"ORDER BY {'search.rank' if wanted.rank else 'search.rowid DESC'} LIMIT ?"
        )
        found = self._connection.execute(sql, (match, *values, max(wanted.limit, 0)))
        return [_Found(*row) for row in found]

    def _find_waiting(
        self, query: str, filters: list[list[str]], wanted: SearchFilter, parts: Sequence[Part]
    ) -> list[_Found]:
        ranks = self._waiting_ranks(match_expression(query, filters, as_typed=wanted.as_typed))
        where, values = self._conditions(wanted, parts)
        sql = (
            f"SELECT {_FOUND} FROM event e JOIN session s ON s.row=e.session "
            f"WHERE e.row {LISTED} AND {where.format(row='e.row')}"
        )
        found = self._connection.execute(sql, (listed(ranks), *values)) if ranks else ()
        return [_Found(ranks[row[0]] if wanted.rank else 0, *row) for row in found]

    def _waiting_ranks(self, match: str | None) -> dict[int, float]:
        """The rows that wait for the index and match, each with its rank among them."""
        texts = [] if match is None else waiting_texts(self._connection, self._blobs)
        if not texts or match is None:
            return {}
        with self._lens.holding((text.row, text.text, text.meta) for text in texts):
            return self._lens.ranks(match)

    def _conditions(self, wanted: SearchFilter, parts: Sequence[Part]) -> tuple[str, list[int | str]]:
        """What events must be beside the words, as SQL in which `{row}` stands for the row."""
        since, until = _since(wanted), _until(wanted)
        where = ["{row} BETWEEN ? AND ?", "e.time BETWEEN ? AND ?"]
        values: list[int | str] = [first_row(since), first_row(until) + ROW_SLACK, since, until]
        if parts:
            where += ["s.workspace=?", f"({_inside(parts)})"]
            values += [self.workspace, *_places(parts)]
        else:
            within, values_within = session_conditions(_within(wanted), self.workspace, self._authors)
            where += within
            values += values_within
        return " AND ".join(where), values

    def _filter_tokens(self, wanted: SearchFilter, parts: Sequence[Part]) -> list[list[str]]:
        """Alternatives of tokens, as for `match_expression`; an empty one can match nothing."""
        (workspaces,) = self._connection.execute("SELECT count(*) FROM workspace").fetchone()
        # Where there is but one workspace its token, which all rows have, would only cost time.
        filters = [[f"w{self.workspace}"]] if workspaces > 1 and not _within(wanted).everywhere else []
        if (few := self._few_sessions(wanted.within)) is not None:
            filters.append([f"s{row}" for row in few])
        if parts:
            filters.append([f"s{part.row}" for part in parts])
        if wanted.type is not None:
            filters.append([f"t_{wanted.type}"])
        if wanted.kind is not None:
            filters.append([f"k_{wanted.kind}"])
        if wanted.author is not None:
            filters.append([f"a{row}" for row in self._authors(wanted.author)])
        return filters

    def _few_sessions(self, within: SessionFilter | None) -> list[int] | None:
        """Rows of the sessions a search is narrowed to, where they are so few that the index should know them."""
        if within is None or within == SessionFilter(archived=None, everywhere=within.everywhere):
            return None
        where, values = session_conditions(within, self.workspace, self._authors)
        sql = f"SELECT s.row FROM session s WHERE {' AND '.join(where)} LIMIT {FEW_SESSIONS + 1}"
        rows = [row for (row,) in self._connection.execute(sql, values)]
        return rows if len(rows) <= FEW_SESSIONS else None

    def _snippets(self, found: Sequence[_Found], query: str, wanted: SearchFilter) -> list[str]:
        """The piece around the words, of each; a piece of a long text is looked at first, then all of it."""
        words, mark = words_of(query), partial(self._marked, query, wanted.as_typed)
        texts = [stored_text(self._blobs, self._connection, hit.body) for hit in found]
        excerpts = [cut_excerpt(text, words) for text in texts]
        marked = mark({number: excerpt.text for number, excerpt in enumerate(excerpts)})
        missed = {number: text for number, text in enumerate(texts) if number not in marked}
        marked |= mark(missed, plainly=False)
        return [
            cut_snippet(marked[number], cut_before=excerpt.cut_before, cut_after=excerpt.cut_after)
            if number not in missed
            else cut_snippet(marked.get(number, texts[number]))
            for number, excerpt in enumerate(excerpts)
        ]

    def _marked(self, query: str, as_typed: bool, texts: Mapping[int, str], *, plainly: bool = True) -> dict[int, str]:
        """Those texts in which something is found, marked. plainly: plain ones without the small index."""
        expression = marking_expression(query, as_typed=as_typed)
        assert expression is not None
        pattern = marking_pattern(query, as_typed=as_typed) if plainly else None
        marked, others = {}, []
        for number, text in texts.items():
            if pattern is None or not is_plain(text):
                others.append((number, text, ""))
            elif len(pieces := pattern.split(text)) > 1:
                pieces[1::2] = [f"{RAW_OPEN}{piece}{RAW_CLOSE}" for piece in pieces[1::2]]
                marked[number] = "".join(pieces)
        if others:
            with self._lens.holding(others):
                marked |= self._lens.marked(expression, RAW_OPEN, RAW_CLOSE)
        return marked


def _inside(parts: Sequence[Part]) -> str:
    """The condition that an event belongs to one of the parts, whose values are `_places`."""
    return " OR ".join("e.session=? AND e.id<=?" for _ in parts)


def _places(parts: Sequence[Part]) -> list[int | str]:
    return [value for part in parts for value in (part.row, part.last)]


def _within(wanted: SearchFilter) -> SessionFilter:
    return wanted.within or SessionFilter(archived=None)


def _since(wanted: SearchFilter) -> int:
    since = within_time(wanted.since)
    return -MAX_TIME if since is None else since


def _until(wanted: SearchFilter) -> int:
    until = within_time(wanted.until)
    return MAX_TIME if until is None else until
