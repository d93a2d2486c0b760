"""Reading what was received and is not shown: entries of others that wait, and those that broke a rule."""

from __future__ import annotations

from dataclasses import dataclass

from app.sessions.workspace_queries import WorkspaceQueries
from sync.store.schema import QUARANTINED

MOST_ASIDE = 100


@dataclass(frozen=True, slots=True)
class AsideRow:
    """Entries of one device to one document. identity, device: hex. title: of the session, "" if it is not known.

    reason: a short phrase about the broken rule, "" while they wait. count: how many.
    """

    identity: str
    device: str
    title: str
    reason: str
    count: int


class AsideQueries(WorkspaceQueries):
    """The part of `Queries` that reads what was set aside."""

    def aside(self) -> list[AsideRow]:
        """What waits in the workspace of the call, or was refused: the newest first, `MOST_ASIDE` at most."""
        rows = self._connection.execute(
            "SELECT v.identity, v.id, coalesce(s.title, ''), "
            "CASE e.state WHEN ? THEN coalesce(q.reason, 'it was refused') ELSE '' END AS why, count(*) "
            "FROM entry e INDEXED BY entry_aside JOIN document d ON d.row=e.document JOIN device v ON v.row=e.device "
            "LEFT JOIN quarantine q ON q.entry=e.id LEFT JOIN session s ON s.id=d.name "
            "WHERE e.state<>0 AND d.workspace=? GROUP BY v.row, d.row, why ORDER BY max(e.id) DESC LIMIT ?",
            (QUARANTINED, self.workspace, MOST_ASIDE),
        ).fetchall()
        return [
            AsideRow(bytes(identity).hex(), bytes(device).hex(), title, why, count)
            for identity, device, title, why, count in rows
        ]
