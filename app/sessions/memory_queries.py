"""Reading a workspace's memory (see `memory.py`)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from app.errors import NotFound
from app.sessions.event_queries import UNTITLED
from app.sessions.filtering import LISTED
from app.sessions.memory import Fact, FactState, Stamp, fact_note, read_fact
from app.sessions.people_queries import PeopleQueries
from app.sessions.views import iso_time
from sync.store.database import Connection
from sync.store.search_index import Lens, marking_expression

SHOWN: frozenset[FactState] = frozenset({"proposed", "accepted"})
_FIRST, _END = fact_note(""), fact_note("").replace("/", "0")
"""Names of notes with facts lie between these."""


@dataclass(frozen=True, slots=True)
class FactRow:
    """A fact with what it is told with. author, accepter, editor: names; "" where they are not known.

    title: of the session it comes from, None where that is not here. is_mine: this person wrote it, or their agent.
    """

    fact: Fact
    author: str
    accepter: str
    editor: str
    title: str | None
    is_mine: bool

    @property
    def to_decide(self) -> bool:
        """Whether it waits for this person."""
        return self.fact.state == "proposed" and self.is_mine

    def to_json(self) -> dict[str, Any]:
        """As `lovelace memory list --json` prints it."""
        fact = self.fact
        return {
            "id": fact.id,
            "kind": fact.kind,
            "state": fact.state,
            "text": fact.text,
            "author": {"identity": fact.written.by or None, "name": self.author, "agent": fact.agent},
            "time": iso_time(fact.written.time),
            "session": fact.session,
            "session_title": self.title,
            "event": fact.event,
            "accepted": _told(fact.accepted, self.accepter),
            "edited": _told(fact.edited, self.editor),
            "forgotten": None if fact.forgotten is None else iso_time(fact.forgotten.time),
        }


def _told(stamp: Stamp | None, name: str) -> dict[str, Any] | None:
    return None if stamp is None else {"time": iso_time(stamp.time), "identity": stamp.by, "name": name}


class MemoryQueries(PeopleQueries):
    """The part of `Queries` that reads facts of the workspace of the call."""

    def facts(self, states: Collection[FactState] = SHOWN, workspace: str | None = None) -> list[FactRow]:
        """The facts in these states, the newest first. workspace: another one than that of the call (its id)."""
        number = self.workspace if workspace is None else self.workspace_number(workspace)
        found = [fact for fact in self._facts(number) if fact.state in states]
        return self._fact_rows(sorted(found, key=lambda fact: (-fact.written.time, fact.id)))

    def fact(self, identifier: str) -> FactRow:
        """One fact by its id or a unique prefix. Raises NotFound."""
        wanted = identifier.upper()
        found = [fact for fact in self._facts(self.workspace) if wanted and fact.id.startswith(wanted)]
        if len(found) == 1:
            return self._fact_rows(found)[0]
        if found:
            raise NotFound(
                f"{identifier} could mean several facts; give more of the id.",
                candidates=[f"{fact.id}  {fact.text[:60]}" for fact in found],
            )
        raise NotFound(f"Nothing with the id {identifier} is remembered. 'lovelace memory list' shows what is.")

    def facts_about(self, text: str, workspace: str | None = None) -> list[FactRow]:
        """The accepted facts, those first that have most to do with a text; among equals the newest.

        workspace: as of `facts`.
        """
        rows = self.facts({"accepted"}, workspace)
        expression = marking_expression(text)
        if expression is None or not rows:
            return rows
        lens = Lens()
        try:
            with lens.holding((number, row.fact.text, "") for number, row in enumerate(rows, 1)):
                ranks = lens.ranks(expression)
        finally:
            lens.close()
        order = sorted(enumerate(rows, 1), key=lambda entry: (ranks.get(entry[0], 0.0), entry[0]))
        return [row for _number, row in order]

    def _facts(self, workspace: int | None) -> list[Fact]:
        writers = fact_writers(self._connection, workspace)
        rows = self._connection.execute(
            "SELECT name, text, fields FROM note WHERE workspace=? AND name>=? AND name<?",
            (workspace, _FIRST, _END),
        ).fetchall()
        read = (
            read_fact(name, text, msgspec.json.decode(fields, type=dict[str, str]), writers.get(name, frozenset()))
            for name, text, fields in rows
        )
        return [fact for fact in read if fact is not None]

    def _fact_rows(self, facts: Sequence[Fact]) -> list[FactRow]:
        own, _device = self.own_device()
        names = {own: str(self.setting("name", ""))} | self.names()
        titles = self._titles({fact.session for fact in facts if fact.session is not None})

        def name(stamp: Stamp | None) -> str:
            return "" if stamp is None else names.get(stamp.by, "")

        return [
            FactRow(
                fact,
                name(fact.written),
                name(fact.accepted),
                name(fact.edited),
                titles.get(fact.session or ""),
                fact.written.by == own,
            )
            for fact in facts
        ]

    def _titles(self, sessions: Collection[str]) -> dict[str, str]:
        """Titles of those of these sessions (full ids) that are here and not in the trash."""
        sql = f"SELECT id, title FROM session WHERE id {LISTED} AND trashed=0"
        wanted = msgspec.json.encode(sorted(sessions)).decode()
        return {session: title or UNTITLED for session, title in self._connection.execute(sql, (wanted,))}


def fact_writers(connection: Connection, workspace: int | None, name: str | None = None) -> dict[str, frozenset[str]]:
    """Who signed changes of the notes that hold facts, or of one of them: identities (hex) by the note's name."""
    first, end = (_FIRST, _END) if name is None else (name, name + "\0")
    rows = connection.execute(
        "SELECT DISTINCT d.name, v.identity FROM document d JOIN entry e ON e.document=d.row AND e.state=0 "
        "JOIN device v ON v.row=e.device WHERE d.name>=? AND d.name<? AND d.workspace=? AND d.kind='note'",
        (first, end, workspace),
    )
    writers: dict[str, set[str]] = {}
    for note, identity in rows:
        writers.setdefault(note, set()).add(bytes(identity).hex())
    return {note: frozenset(people) for note, people in writers.items()}
