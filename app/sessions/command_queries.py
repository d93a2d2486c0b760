"""Reading the commands of a session: which there were, how they ended, and what those that run print now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from app.sessions.events import Command, CommandResult
from app.sessions.lineage import AFTER_ALL, Part
from app.sessions.views import CommandRow, Event
from app.sessions.workspace_queries import WorkspaceQueries

COMMAND_KINDS = ("command", "command_result")
NEWEST_COMMANDS = 40
_STRAYS = 32
"""Results of other commands that may lie between a command and its own."""


class CommandQueries(WorkspaceQueries):
    """The part of `Queries` that reads commands."""

    def commands(self, session: str, *, before: str | None = None, limit: int = NEWEST_COMMANDS) -> list[CommandRow]:
        """The newest commands of a session, in order; before: only those older than this event (its id)."""
        parts = self._parts(session)
        rows: list[int] = []
        for part in reversed(parts):
            sql = "SELECT row FROM event WHERE session=? AND id<=? AND id<? AND kind='command' ORDER BY id DESC LIMIT ?"
            wanted = (part.row, part.last, before or AFTER_ALL, limit - len(rows))
            rows += [row for (row,) in self._connection.execute(sql, wanted)]
        begun = self._events_at(rows[::-1], parts)
        results = self._results_after(parts, begun[0].id, 2 * limit + _STRAYS) if begun else []
        return command_rows([*begun, *results], self.running_commands(session))

    def command_of(self, session: str, event: str) -> CommandRow | None:
        """The command that an event (id or unique prefix) is, began or belongs to; None where there is none."""
        found = self.event(session, event)
        parts = self._parts(session)
        near = [*self._near(parts, found.id, "<=", "DESC"), *self._near(parts, found.id, ">", "ASC")]
        own = [other for other in near if _key(other) == _key(found) and _key(found) is not None]
        rows = command_rows(sorted(own, key=lambda other: other.id), self.running_commands(session))
        return rows[0] if rows else None

    def running_commands(self, session: str) -> frozenset[tuple[str | None, str]]:
        """(turn, call id) of the commands that run now in this session, in whichever process."""
        full = self._find_session(session)[1]
        sql = "SELECT DISTINCT turn, call FROM output WHERE session=?"
        return frozenset((turn, call) for turn, call in self._connection.execute(sql, (full,)))

    def output(self, session: str, turn: str, call: str, *, first: int = 0) -> list[tuple[int, str]]:
        """What a running command has printed: (number, text) of its pieces from number `first` on.

        Piece after piece; a number that is missing was forgotten. Only the last piece still grows.
        """
        full = self._find_session(session)[1]
        sql = "SELECT number, text FROM output WHERE session=? AND turn=? AND call=? AND number>=? ORDER BY number"
        return [(number, text) for number, text in self._connection.execute(sql, (full, turn, call, first))]

    def _results_after(self, parts: Sequence[Part], first: str, limit: int) -> list[Event]:
        rows: list[int] = []
        for part in parts:
            sql = (
                "SELECT row FROM event WHERE session=? AND id>? AND id<=? AND kind='command_result' ORDER BY id LIMIT ?"
            )
            found = self._connection.execute(sql, (part.row, first, part.last, limit - len(rows)))
            rows += [row for (row,) in found]
        return self._events_at(rows, parts)

    def _near(self, parts: Sequence[Part], event: str, side: str, order: str) -> list[Event]:
        """Command events nearest to an event, on one side of it."""
        rows: list[int] = []
        for part in parts if order == "ASC" else reversed(parts):
            found = self._connection.execute(
                f"SELECT row FROM event WHERE session=? AND id{side}? AND id<=? AND kind IN "
                f"('command','command_result') ORDER BY id {order} LIMIT ?",
                (part.row, event, part.last, _STRAYS - len(rows)),
            )
            rows += [row for (row,) in found]
        return self._events_at(rows, parts)


def command_rows(events: Iterable[Event], running: frozenset[tuple[str | None, str]]) -> list[CommandRow]:
    """The commands among events, each with its result where that is among them too."""
    rows: dict[tuple[str | None, str], CommandRow] = {}
    for event in events:
        key = _key(event)
        if key is None:
            continue
        match event.body:
            case Command() as body:
                begun = CommandRow(event.id, *key, event.time, event.author, body.command, body.cwd, key in running)
                rows[key] = begun
            case CommandResult() as body if key in rows:
                rows[key] = with_result(rows[key], event.id, body)
    return list(rows.values())


def with_result(row: CommandRow, event: str, result: CommandResult) -> CommandRow:
    """A command, now that it has ended."""
    return msgspec.structs.replace(
        row,
        running=False,
        result=event,
        exit_code=result.exit_code,
        signal=result.signal,
        duration_ms=result.duration_ms,
        truncated=result.truncated,
    )


def _key(event: Event) -> tuple[str | None, str] | None:
    call = getattr(event.body, "call_id", None)
    return (event.turn, call) if isinstance(call, str) else None
