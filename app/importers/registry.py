"""The formats that can be imported. A new format is one package and one line here."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.importers import claude, codex
from app.importers.drafts import Item


@dataclass(frozen=True, slots=True)
class Format:
    """A foreign format. read: files in, items out. recognise: whether a line with these fields is of this format.

    home_variable, home, folder: where the tool keeps its sessions: `folder` in the folder that the environment
    variable names, else in `home` of the person's home folder.
    """

    name: str
    title: str
    read: Callable[[Iterable[Path]], Iterator[Item]]
    recognise: Callable[[dict[str, Any]], bool]
    home_variable: str
    home: str
    folder: str

    def default_place(self, environment: Mapping[str, str], user_home: Path) -> Path:
        """Where the tool keeps its sessions on this computer; may not exist."""
        given = environment.get(self.home_variable)
        return (Path(given) if given else user_home / self.home) / self.folder


FORMATS: Mapping[str, Format] = {
    format.name: format
    for format in (
        Format("claude", "Claude Code", claude.read, claude.recognise, "CLAUDE_CONFIG_DIR", ".claude", "projects"),
        Format("codex", "Codex", codex.read, codex.recognise, "CODEX_HOME", ".codex", "sessions"),
    )
}


def default_places(environment: Mapping[str, str] | None = None, user_home: Path | None = None) -> list[Path]:
    """The existing default places of all formats."""
    variables = os.environ if environment is None else environment
    home = Path.home() if user_home is None else user_home
    places = [format.default_place(variables, home) for format in FORMATS.values()]
    return [place for place in places if place.is_dir()]
