"""Reading workspaces, their folders, and local settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from app.errors import NotFound
from app.sessions.event_queries import EventQueries
from app.sessions.fields import CURRENT_WORKSPACE, PROFILE_NOTE
from app.sessions.tables import LOCAL_COMPONENTS, PROJECTION_VERSION
from app.sessions.views import WorkspaceRow
from sync.store.components import ENGINE_COMPONENTS
from sync.store.migrations import pending
from sync.store.operations import LINK_ROLE, NO_ROLE, find_standing

_REFUSALS = {
    LINK_ROLE: "Shared by a link: it can be read here and not changed.",
    NO_ROLE: "You are not a member of this workspace (yet, or any more).",
    "reader": "You are a reader in this workspace.",
    "guest": "You are a guest in this workspace.",
}


class WorkspaceQueries(EventQueries):
    """The part of `Queries` that reads workspaces and settings."""

    def own_device(self) -> tuple[str, str]:
        """(identity, device) of this device and its person, in hex."""
        identity, device = self._connection.execute("SELECT identity, id FROM device WHERE is_own").fetchone()
        return bytes(identity).hex(), bytes(device).hex()

    def workspaces(self) -> list[WorkspaceRow]:
        """All workspaces of the home, in the order in which they came; none of which all copies were removed."""
        rows = self._connection.execute(
            "SELECT row FROM workspace w WHERE EXISTS(SELECT 1 FROM session WHERE workspace=w.row) "
            "OR row NOT IN (SELECT workspace FROM copied_workspace) ORDER BY row"
        ).fetchall()
        return [self._workspace_row(row) for (row,) in rows]

    def is_prepared(self) -> bool:
        """Whether the store is up to date and has a workspace; NewerDatabaseError when it is ahead of the program."""
        if pending(self._connection, (*ENGINE_COMPONENTS, *LOCAL_COMPONENTS)):
            return False
        version = self._connection.execute("SELECT value FROM meta WHERE name='projection'").fetchone()
        return version == (PROJECTION_VERSION,) and self.setting(CURRENT_WORKSPACE) is not None

    def workspace_id(self) -> str:
        """The id of the workspace of the call."""
        return self._workspace_name(self.workspace)[0]

    def workspace_row(self) -> WorkspaceRow:
        """The workspace of the call."""
        return self._workspace_row(self.workspace)

    def _workspace_row(self, row: int) -> WorkspaceRow:
        identifier, name = self._workspace_name(row)
        folders = self._connection.execute("SELECT path FROM folder WHERE workspace=? ORDER BY path", (row,))
        paths = tuple(path for (path,) in folders)
        count = self._connection.execute(
            "SELECT count(*) FROM session WHERE workspace=? AND trashed=0", (row,)
        ).fetchone()[0]
        return WorkspaceRow(identifier, name, identifier == self.setting(CURRENT_WORKSPACE), paths, count)

    def folders(self) -> list[Path]:
        """Folders of the workspace of the call."""
        return [Path(path) for path in self.workspace_row().folders]

    def resolve_workspace(self, name: str) -> WorkspaceRow:
        """A workspace by its id, a unique prefix of it, or its name."""
        rows = self.workspaces()
        named = [row for row in rows if row.name == name] or [row for row in rows if row.name.lower() == name.lower()]
        found = named or [row for row in rows if name and row.id.startswith(name.lower())]
        if len(found) == 1:
            return found[0]
        if found:
            raise NotFound(
                f"{name} could mean several workspaces; give the id.",
                candidates=[f"{row.id[:12]}  {row.name}" for row in found],
            )
        raise NotFound(f"There is no workspace {name}. `lovelace workspace list` shows them.")

    def workspace_of(self, folder: Path | None) -> int | None:
        """Row id of the workspace with the deepest folder that contains `folder`, else of the current one."""
        if folder is not None:
            bound = dict(self._connection.execute("SELECT path, workspace FROM folder").fetchall())
            resolved = folder.resolve()
            for candidate in (resolved, *resolved.parents):
                if str(candidate) in bound:
                    return int(bound[str(candidate)])
        current = self.setting(CURRENT_WORKSPACE)
        return None if current is None else self.workspace_number(current)

    def workspace_number(self, identifier: str) -> int | None:
        """Row id of a workspace by its full id."""
        row = self._connection.execute("SELECT row FROM workspace WHERE id=?", (bytes.fromhex(identifier),)).fetchone()
        return int(row[0]) if row else None

    def refusal(self, session: str) -> str:
        """Why this person cannot write into a session (its full id), in a sentence; "" where they can."""
        row = self._connection.execute("SELECT workspace FROM session WHERE id=?", (session,)).fetchone()
        return "" if row is None else _REFUSALS.get(find_standing(self._connection, row[0]), "")

    def workspace_holding(self, session: str) -> str:
        """Id of the workspace that has a session (its full id). Raises NotFound."""
        row = self._connection.execute(
            "SELECT w.id FROM session s JOIN workspace w ON w.row=s.workspace WHERE s.id=?", (session,)
        ).fetchone()
        if row is None:
            raise NotFound(f"There is no session {session} on this device.")
        return bytes(row[0]).hex()

    def _workspace_name(self, workspace: int) -> tuple[str, str]:
        """(id, name)."""
        identifier, fields, copied = self._connection.execute(
            "SELECT w.id, n.fields, c.name FROM workspace w LEFT JOIN note n ON n.workspace=w.row AND n.name=? "
            "LEFT JOIN copied_workspace c ON c.workspace=w.row WHERE w.row=?",
            (PROFILE_NOTE, workspace),
        ).fetchone()
        hexed = bytes(identifier).hex()
        name = msgspec.json.decode(fields).get("name") if fields else copied
        return hexed, name or hexed[:8]

    # settings and the commit log

    def setting(self, name: str, default: Any = None) -> Any:
        """A local setting."""
        row = self._connection.execute("SELECT value FROM setting WHERE name=?", (name,)).fetchone()
        return default if row is None else msgspec.json.decode(row[0])

    def last_seq(self) -> int:
        """The newest entry of the commit log."""
        return int(self._connection.execute("SELECT coalesce(max(seq), 0) FROM commit_log").fetchone()[0])

    def commits(self, since: int) -> list[tuple[int, str, str]]:
        """(seq, process, subjects, one a line) of the commit log after `since`."""
        rows = self._connection.execute(
            "SELECT seq, process, subjects FROM commit_log WHERE seq>? ORDER BY seq", (since,)
        )
        return [tuple(row) for row in rows]

    def _authors(self, author: str) -> list[int]:
        """Rows of authors by a person's name, an agent's name, or a prefix of an identity or device id."""
        rows = self._connection.execute(
            "SELECT row FROM author WHERE name=?1 COLLATE NOCASE OR agent=?1 COLLATE NOCASE OR (length(?1)>=6 AND "
            "(substr(hex(identity), 1, length(?1))=upper(?1) OR substr(hex(device), 1, length(?1))=upper(?1)))",
            (author,),
        )
        return [row[0] for row in rows]
