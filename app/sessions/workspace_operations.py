"""Operations on workspaces, their folders, and local settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from app.errors import UserError
from app.sessions.fields import CURRENT_WORKSPACE, PROFILE_NOTE
from app.sessions.people import PEOPLE_NOTE, people_fields
from app.sessions.relinking import replaced_by, vanished
from app.sessions.writing import Writing


class WorkspaceOperations(Writing):
    """The part of `SessionOperations` that writes workspaces and settings."""

    def create_workspace(self, name: str) -> str:
        """Found a workspace; gives its id."""
        with self._engine.transaction(durable=True) as tx:
            keys = self._engine.create_workspace()
            self._engine.edit_note(tx, keys.row, PROFILE_NOTE, None, {"name": name})
        return keys.id.hex()

    def rename_workspace(self, workspace: str, name: str) -> None:
        with self._engine.transaction() as tx:
            self._engine.edit_note(tx, self._workspace_row(tx, workspace), PROFILE_NOTE, None, {"name": name})
            tx.touch(f"workspace/{workspace}")

    def name_people(self, workspace: str, names: Mapping[str, str], added: Mapping[str, str] | None = None) -> None:
        """Say in a workspace what people and devices (ids in hex) are called, and when devices were paired."""
        fields = people_fields(names, added or {})
        with self._engine.transaction() as tx:
            self._engine.edit_note(tx, self._workspace_row(tx, workspace), PEOPLE_NOTE, None, fields)
            tx.touch(f"workspace/{workspace}")

    def open_folder(self, path: Path) -> str:
        """Bind a folder to the workspace that has it, or to a new one named after it; gives the workspace id."""
        folder = path.resolve()
        with self._engine.transaction(durable=True) as tx:
            bound = tx.connection.execute(
                "SELECT w.id FROM folder f JOIN workspace w ON w.row=f.workspace WHERE f.path=?", (str(folder),)
            ).fetchone()
            if bound is not None:
                return bytes(bound[0]).hex()
            workspace = self.create_workspace(folder.name or str(folder))
            self.bind_folder(workspace, folder)
        return workspace

    def bind_folder(self, workspace: str, path: Path) -> None:
        """Make a folder a root of a workspace; a folder belongs to one workspace only."""
        with self._engine.transaction() as tx:
            tx.connection.execute(
                "INSERT INTO folder VALUES(?,?) ON CONFLICT(path) DO UPDATE SET workspace=excluded.workspace",
                (str(path.resolve()), self._workspace_row(tx, workspace)),
            )
            tx.touch(f"workspace/{workspace}")

    def relink_folder(self, workspace: str, path: Path) -> list[Path]:
        """Bind an existing folder in place of those of a workspace that vanished; gives these.

        UserError where none has vanished, or where the folder belongs to another workspace.
        """
        folder = path.resolve()
        with self._engine.transaction() as tx:
            row = self._workspace_row(tx, workspace)
            bound = dict(tx.connection.execute("SELECT path, workspace FROM folder").fetchall())
            if bound.get(str(folder), row) != row:
                raise UserError(
                    f"The folder {folder} belongs to another workspace. 'lovelace workspace list' says which."
                )
            gone = vanished([Path(name) for name, owner in bound.items() if owner == row])
            if not gone:
                raise UserError(
                    "No folder of the workspace has vanished. 'lovelace workspace open DIR' binds a folder, "
                    "--workspace names another workspace."
                )
            old = replaced_by(folder, gone)
            tx.connection.executemany("DELETE FROM folder WHERE path=?", [(str(name),) for name in old])
            self.bind_folder(workspace, folder)
        return old

    def switch(self, workspace: str) -> None:
        """Make a workspace (its id) the current one."""
        with self._engine.transaction() as tx:
            self._workspace_row(tx, workspace)
            self.set_setting(CURRENT_WORKSPACE, workspace)

    def set_setting(self, name: str, value: Any) -> None:
        """A local setting that is never synced; None removes it."""
        with self._engine.transaction() as tx:
            if value is None:
                tx.connection.execute("DELETE FROM setting WHERE name=?", (name,))
            else:
                tx.connection.execute(
                    "INSERT INTO setting VALUES(?,?) ON CONFLICT(name) DO UPDATE SET value=excluded.value",
                    (name, msgspec.json.encode(value).decode()),
                )
            tx.touch(f"setting/{name}")

    def change_setting(self, name: str, change: Callable[[Any], Any]) -> None:
        """Make another value of a local setting from the one it has now, None for none."""
        with self._engine.transaction() as tx:
            row = tx.connection.execute("SELECT value FROM setting WHERE name=?", (name,)).fetchone()
            self.set_setting(name, change(None if row is None else msgspec.json.decode(row[0])))

    def rebuild(self, progress: Callable[[int, int], None] = lambda _done, _total: None) -> int:
        """Derive all rows again from the documents; gives the number of events. progress: as of `Engine.rebuild`."""
        return self._engine.rebuild(progress)

    def bundle_step(self) -> bool:
        """Do a small piece of storing closed segments more tightly; gives whether there may be more to do."""
        return self._engine.bundle_step()
