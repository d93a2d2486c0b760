"""Reading what activity and reviews are made of: glances at a conversation's events, or at those of a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from app.sessions.command_queries import CommandQueries
from app.sessions.event_queries import UNTITLED
from app.sessions.filtering import LISTED, ROW_SLACK, listed
from app.sessions.glances import COLUMNS, GLANCE_KINDS, Glance, glances
from app.sessions.views import NamedSession
from sync.store.search_index import first_row

_PAGE = 2_000
_KINDS = ",".join(f"'{kind}'" for kind in GLANCE_KINDS)


class ActivityQueries(CommandQueries):
    """The part of `Queries` that reads for charts and reviews."""

    def glances(self, session: str, after: str | None = None) -> Iterator[Glance]:
        """A conversation's events in order, of the kinds that say what went on. after: an event id."""
        agents = self._agents()
        for part in self._parts(session):
            cursor = self._connection.execute(
                f"SELECT {COLUMNS} FROM event e WHERE e.session=? AND e.id>? "
                f"AND e.id<=? AND e.kind IN ({_KINDS}) ORDER BY e.id",
                (part.row, after or "", part.last),
            )
            while rows := cursor.fetchmany(_PAGE):
                yield from glances(rows, agents, self._resolve)

    def glance_count(self, session: str, until: str) -> int:
        """How many events `glances` gives up to an event id."""
        return sum(
            int(
                self._connection.execute(
                    f"SELECT count(*) FROM event WHERE session=? AND id<=? AND kind IN ({_KINDS})",
                    (part.row, min(part.last, until)),
                ).fetchone()[0]
            )
            for part in self._parts(session)
        )

    def glances_between(self, since: int, until: int) -> Iterator[Glance]:
        """Events of the workspace's sessions, the trash left out, from `since` to before `until` (ms), as they came.

        Rows of events lie by time, so only those of this time are read.
        """
        sessions = {
            row
            for (row,) in self._connection.execute(
                "SELECT row FROM session WHERE workspace=? AND trashed=0", (self.workspace,)
            )
        }
        cursor = self._connection.execute(
            f"SELECT {COLUMNS} FROM event e WHERE e.row>=? AND e.row<? AND e.time>=? AND e.time<? AND "
            f"+e.kind IN ({_KINDS}) ORDER BY e.row",
            (first_row(since), first_row(until) + ROW_SLACK, since, until),
        )
        agents = self._agents()
        while rows := cursor.fetchmany(_PAGE):
            yield from glances([row for row in rows if row[0] in sessions], agents, self._resolve)

    def _agents(self) -> dict[int, str | None]:
        """Names of agents by the row ids of authors; None: a person."""
        return {row: agent or None for row, agent in self._connection.execute("SELECT row, agent FROM author")}

    def named_rows(self, rows: Collection[int]) -> dict[int, NamedSession]:
        """Sessions by their row ids."""
        found: dict[int, NamedSession] = {}
        wanted = list(rows)
        for at in range(0, len(wanted), _PAGE):
            sql = f"SELECT row, id, title, updated FROM session WHERE row {LISTED}"
            page = listed(wanted[at : at + _PAGE])
            for row, identifier, title, updated in self._connection.execute(sql, (page,)):
                found[row] = NamedSession(identifier, title or UNTITLED, updated or 0)
        return found
