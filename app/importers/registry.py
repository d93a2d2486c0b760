"""The formats that can be imported. A new format is one package and one line here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.importers import claude, codex, cursor, gemini, goose, opencode
from app.importers.containers import read_records
from app.importers.drafts import Item
from app.importers.homes import CLAUDE, CODEX, CURSOR, GEMINI, GOOSE, OPENCODE, Homes, System
from app.importers.reading import AnyReader, read_files
from app.importers.tables import Rows


@dataclass(frozen=True, slots=True)
class Format:
    """A foreign format. reader: begins to read files of it. recognise: whether a line with these fields belongs to it.

    rows: how it keeps sessions in the tables of a database, if it does. homes: where the tool keeps its sessions.
    """

    name: str
    title: str
    reader: Callable[[], AnyReader]
    recognise: Callable[[dict[str, Any]], bool]
    homes: Homes
    rows: Rows | None = None

    def read(self, paths: Iterable[Path]) -> Iterator[Item]:
        """The items of these files."""
        return read_files(self.reader(), paths, lambda path: read_records(path, self.rows))


FORMATS: Mapping[str, Format] = {
    format.name: format
    for format in (
        Format("claude", "Claude Code", claude.Reader, claude.recognise, CLAUDE),
        Format("codex", "Codex", codex.Reader, codex.recognise, CODEX),
        Format("opencode", "opencode", opencode.Reader, opencode.recognise, OPENCODE, opencode.ROWS),
        Format("gemini", "Gemini CLI", gemini.Reader, gemini.recognise, GEMINI),
        Format("goose", "Goose", goose.Reader, goose.recognise, GOOSE, goose.ROWS),
        Format("cursor", "Cursor", cursor.Reader, cursor.recognise, CURSOR),
    )
}


def default_places(system: System | None = None, formats: Iterable[str] = FORMATS) -> list[Path]:
    """The existing default places of these formats."""
    return [place for place in possible_places(system, formats) if place.exists()]


def possible_places(system: System | None = None, formats: Iterable[str] = FORMATS) -> list[Path]:
    """The default places of these formats, whether or not they exist yet."""
    here = system or System.here()
    return [place for name in formats for place in FORMATS[name].homes.places(here)]
