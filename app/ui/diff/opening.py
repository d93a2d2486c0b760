"""Where a session's file and its folder are, to open them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from app.agents.files.disk import place, plain_target
from app.agents.tools.failure import ToolFailure
from app.errors import UserError

if TYPE_CHECKING:
    from app.agents.files.restoring import SessionFiles


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
