"""How a file is opened: in the person's own editor, or else by the system.

The setting `window.editor` is a command with {path} and {line}.
"""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path
from typing import Any

from PySide6.QtCore import QProcess, QUrl
from PySide6.QtGui import QDesktopServices

from app.errors import UserError

KNOWN = ("code --goto {path}:{line}", "zed {path}:{line}", "subl {path}:{line}", "gedit {path} +{line}")
"""Commands of well-known editors, to choose from."""


def editor_arguments(command: str, path: str, line: int = 1) -> list[str]:
    """The program and its arguments; nothing passes a shell. Without {path} the path is the last argument.

    ValueError: the command's quotes do not close, or it is empty.
    """
    words = shlex.split(os.path.expandvars(command))
    if not words:
        raise ValueError("empty")
    if not any("{path}" in word for word in words):
        words.append("{path}")
    return [word.replace("{line}", str(line)).replace("{path}", path) for word in words]


def editor_problem(command: str) -> str:
    """Why a command cannot open files, as a sentence; '' when it can, or is empty and the system's choice holds."""
    if not command.strip():
        return ""
    try:
        program = editor_arguments(command, "file")[0]
    except ValueError:
        return "A quotation mark in the command does not close."
    if shutil.which(program) is None:
        return f"There is no program “{program}” on this computer. Write its full path, or choose another."
    return ""


def open_file(path: Path, line: int, editor: str) -> None:
    """Open a file in an editor, '' for what the system opens it with. Raises UserError where that does not start."""
    if not editor.strip():
        open_in_system(path)
        return
    try:
        program, *arguments = editor_arguments(editor, str(path), line)
    except ValueError as error:
        raise UserError(f"The setting window.editor is no command line: {error}.") from error
    started: Any = QProcess.startDetached(program, arguments)  # (whether, process id), the stubs say bool
    if not started[0]:
        raise UserError(f"The editor '{editor}' does not start. Change it in the settings (window.editor).")


def open_in_system(path: Path) -> None:
    """Open a file or folder with the system's program for it. Raises UserError where there is none."""
    if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(path))):
        raise UserError(f"Nothing on this system opens {path.name}. Say with the setting window.editor what does.")
