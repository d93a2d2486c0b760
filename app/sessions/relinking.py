"""Folders of a workspace that moved: which of them a new place stands for, and what to say while they are gone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def vanished(bound: Sequence[Path]) -> list[Path]:
    """Those of the folders that are not there any more."""
    return [folder for folder in bound if not folder.is_dir()]


def replaced_by(folder: Path, gone: Sequence[Path]) -> list[Path]:
    """The vanished folders whose new place this is: those of the same name where there are any, else all."""
    return [old for old in gone if old.name == folder.name] or list(gone)


def vanished_sentence(workspace: str, bound: Sequence[Path]) -> str | None:
    """What to say where a workspace has folders, but none of them is there; None where that is not so."""
    gone = vanished(bound)
    if not gone or len(gone) < len(bound):
        return None
    names = ", ".join(map(str, gone))
    what = f"folder {names} of workspace {workspace} is" if len(gone) == 1 else f"folders of {workspace} ({names}) are"
    return f"The {what} gone. If it moved, 'lovelace workspace relink DIR' binds its new place."
