"""Where the tools keep their sessions, on each system."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class System:
    """The computer, as far as it says where programs keep their data. name: as `sys.platform`."""

    name: str
    environment: Mapping[str, str]
    home: Path

    @classmethod
    def here(cls) -> System:
        """This one."""
        return cls(sys.platform, os.environ, Path.home())


@dataclass(frozen=True, slots=True)
class Home:
    """One place, a folder or a file: `folder` below the folder that a variable names, else below `base` of the home.

    variables: (name, what follows it), the first one that is set. systems: the names of those that have it; none: all.
    """

    base: str
    folder: str
    variables: tuple[tuple[str, str], ...] = ()
    systems: tuple[str, ...] = ()

    def place(self, system: System) -> Path | None:
        """The place on this system; it need not exist."""
        if self.systems and system.name not in self.systems:
            return None
        for name, rest in self.variables:
            if given := system.environment.get(name):
                return Path(given) / rest / self.folder
        return system.home / self.base / self.folder


@dataclass(frozen=True, slots=True)
class Homes:
    """All places where one tool keeps sessions."""

    homes: tuple[Home, ...]

    def places(self, system: System) -> Iterator[Path]:
        """Those of this system, each once."""
        found = (home.place(system) for home in self.homes)
        yield from dict.fromkeys(place for place in found if place is not None)


_UNIX = ("linux", "darwin", "freebsd")
_DATA = (("XDG_DATA_HOME", ""),)

CLAUDE = Homes((Home(".claude", "projects", (("CLAUDE_CONFIG_DIR", ""),)),))
CODEX = Homes((Home(".codex", "sessions", (("CODEX_HOME", ""),)),))
OPENCODE = Homes((Home(".local/share", "opencode/opencode.db", _DATA), Home(".local/share", "opencode/storage", _DATA)))
"""On Windows and macOS too: it asks for the folders that Linux has. Beside them lie copies of whole projects."""
GEMINI = Homes((Home(".gemini", "tmp", (("GEMINI_CLI_HOME", ".gemini"),)),))
GOOSE = Homes(
    (
        Home(".local/share/goose", "sessions", (("GOOSE_PATH_ROOT", "data"), ("XDG_DATA_HOME", "goose")), _UNIX),
        Home("AppData/Roaming/Block/goose/data", "sessions", (("APPDATA", "Block/goose/data"),), ("win32",)),
    )
)
CURSOR = Homes((Home(".cursor", "projects", (("CURSOR_DATA_DIR", ""),)),))
