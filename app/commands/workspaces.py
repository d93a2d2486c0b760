"""Commands over workspaces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.commands.command import Command

if TYPE_CHECKING:
    from app.sessions.operations import SessionOperations


def _create(operations: SessionOperations, _ids: Sequence[str], text: str) -> Sequence[str]:
    return [operations.create_workspace(text)]


def _open(operations: SessionOperations, _ids: Sequence[str], text: str) -> Sequence[str]:
    from pathlib import Path

    return [operations.open_folder(Path(text))]


def _switch(operations: SessionOperations, ids: Sequence[str], _text: str) -> Sequence[str]:
    for workspace in ids:
        operations.switch(workspace)
    return ids


def _rename(operations: SessionOperations, ids: Sequence[str], text: str) -> Sequence[str]:
    for workspace in ids:
        operations.rename_workspace(workspace, text)
    return ids


def _relink(operations: SessionOperations, ids: Sequence[str], text: str) -> Sequence[str]:
    from pathlib import Path

    for workspace in ids:
        operations.relink_folder(workspace, Path(text))
    return ids


CREATE = Command("workspace.create", "New Workspace…", "Make a workspace without a folder.", "none", _create, "Name")
OPEN = Command(
    "workspace.open",
    "Open Folder…",
    "Bind a folder, making a workspace named after it if none has it.",
    "none",
    _open,
    "Folder",
    "Ctrl+O",
)
SWITCH = Command("workspace.switch", "Switch Workspace", "Make a workspace the current one.", "workspace", _switch)
RENAME = Command(
    "workspace.rename",
    "Rename Workspace…",
    "Give a workspace another name.",
    "workspace",
    _rename,
    "New name",
)
RELINK = Command(
    "workspace.relink",
    "Relink Folder…",
    "Bind the new place of a folder that moved or vanished.",
    "workspace",
    _relink,
    "Folder",
)

COMMANDS = (CREATE, OPEN, SWITCH, RENAME, RELINK)
