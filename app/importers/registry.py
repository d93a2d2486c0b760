"""The formats that can be imported. A new format is one package and one line here."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.importers import claude, codex
from app.importers.drafts import Item
from app.importers.reading import AnyReader, read_files


@dataclass(frozen=True, slots=True)
class Format:
    """A foreign format. reader: begins to read files of it. recognise: whether a line with these fields belongs to it.

    home_variable, home, folder: where the tool keeps its sessions: `folder` in the folder that the environment
    variable names, else in `home` of the person's home folder.
    """

    name: str
    title: str
    reader: Callable[[], AnyReader]
    recognise: Callable[[dict[str, Any]], bool]
    home_variable: str
    home: str
    folder: str

    def read(self, paths: Iterable[Path]) -> Iterator[Item]:
        """The items of these files."""
        return read_files(self.reader(), paths)

    def default_place(self, environment: Mapping[str, str], user_home: Path) -> Path:
        """Where the tool keeps its sessions on this computer; may not exist."""
        given = environment.get(self.home_variable)
        return (Path(given) if given else user_home / self.home) / self.folder


FORMATS: Mapping[str, Format] = {
    format.name: format
    for format in (
        Format("claude", "Claude Code", claude.Reader, claude.recognise, "CLAUDE_CONFIG_DIR", ".claude", "projects"),
        Format("codex", "Codex", codex.Reader, codex.recognise, "CODEX_HOME", ".codex", "sessions"),
    )
}


def default_places(environment: Mapping[str, str] | None = None, user_home: Path | None = None) -> list[Path]:
    """The existing default places of all formats."""
    return [place for place in possible_places(environment, user_home) if place.is_dir()]


def possible_places(environment: Mapping[str, str] | None = None, user_home: Path | None = None) -> list[Path]:
    """The default places of all formats, whether or not they exist yet."""
    variables = os.environ if environment is None else environment
    home = Path.home() if user_home is None else user_home
    return [format.default_place(variables, home) for format in FORMATS.values()]
