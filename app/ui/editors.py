"""How a file is opened in the person's own editor: the setting `window.editor`, a command with {path} and {line}."""

from __future__ import annotations

import shlex
import shutil

SETTING = "editor"
KNOWN = ("code --goto {path}:{line}", "zed {path}:{line}", "subl {path}:{line}", "gedit {path} +{line}")
"""Commands of well-known editors, to choose from."""


def editor_arguments(command: str, path: str, line: int = 1) -> list[str]:
    """The program and its arguments; nothing passes a shell. Without {path} the path is the last argument.

    ValueError: the command's quotes do not close, or it is empty.
    """
    words = shlex.split(command)
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
