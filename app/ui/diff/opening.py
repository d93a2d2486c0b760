"""Opening a session's file in what the person edits with, and the folder it is in."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QProcess, QUrl
from PySide6.QtGui import QDesktopServices

from app.agents.files.disk import place, plain_target
from app.agents.tools.failure import ToolFailure
from app.errors import UserError

if TYPE_CHECKING:
    from app.agents.files.restoring import SessionFiles

EDITOR = "editor"
"""Setting of the window: a command line for files; `{path}` and `{line}` are filled in, the path else comes last."""


def file_of(files: SessionFiles, name: str) -> Path:
    """Where a file of a session is. Raises UserError where it is not there any more, is a link, or lies outside."""
    try:
        target = plain_target(files.on_disk(), name)
    except ToolFailure as failure:
        raise UserError(f"It cannot be opened: {failure}") from failure
    if target is None:
        raise UserError(f"There is no file {name} on the disk any more. Restore it to open it.")
    return target.path


def folder_of(files: SessionFiles, name: str) -> Path:
    """The folder a file of a session is in, or the nearest one that is still there. Raises UserError when outside."""
    try:
        folder = place(files.on_disk(), name).path.parent
    except ToolFailure as failure:
        raise UserError(f"It cannot be shown: {failure}") from failure
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    return folder


def open_file(path: Path, line: int, editor: str) -> None:
    """Open a file in an editor, '' for what the system opens it with. Raises UserError where that does not start."""
    if not editor.strip():
        open_in_system(path)
        return
    try:
        words = shlex.split(os.path.expandvars(editor))
    except ValueError as error:
        raise UserError(f"The setting window.editor is no command line: {error}.") from error
    filled = [word.replace("{path}", str(path)).replace("{line}", str(line)) for word in words]
    if not any("{path}" in word for word in words):
        filled.append(str(path))
    started: Any = QProcess.startDetached(filled[0], filled[1:])  # (whether, process id), the stubs say bool
    if not started[0]:
        raise UserError(f"The editor '{editor}' does not start. Change it in the settings (window.editor).")


def open_in_system(path: Path) -> None:
    """Open a file or folder with the system's program for it. Raises UserError where there is none."""
    if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(path))):
        raise UserError(f"Nothing on this system opens {path.name}. Say with the setting window.editor what does.")
