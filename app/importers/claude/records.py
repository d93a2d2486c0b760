"""What a transcript's file says about itself: recognition by content, and its first session, time and folder."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from app.importers.drafts import Skipped
from app.importers.lines import read_lines
from app.importers.values import as_milliseconds, as_name

CONVERSATION = frozenset({"user", "assistant", "system", "attachment", "progress"})
_MOST_LINES = 64


def recognise(fields: dict[str, Any]) -> bool:
    """Whether a line with these fields belongs to a Claude Code transcript."""
    kind = fields.get("type")
    if kind == "summary":
        return isinstance(fields.get("summary"), str) and "leafUuid" in fields
    if kind == "file-history-snapshot":
        return "messageId" in fields and "snapshot" in fields
    if not isinstance(kind, str) or as_name(fields.get("sessionId")) is None:
        return False
    return "uuid" in fields if kind in CONVERSATION else "payload" not in fields


@dataclass(frozen=True, slots=True)
class Head:
    """The beginning of a file. time: milliseconds; 0 where no line of the beginning says one.

    is_final: more lines at the end of the file cannot change it.
    """

    path: Path
    session: str | None
    time: int
    cwd: str | None
    side_chain: bool
    is_final: bool = True

    @property
    def order(self) -> tuple[bool, int, str]:
        """Conversations before the side chains that they start, both by time."""
        return self.side_chain, self.time, str(self.path)


def head_of(path: Path) -> Head:
    """The head of a file, from its first record that names session and time."""
    session, lines = None, 0
    for line in islice(read_lines(path), _MOST_LINES):
        lines += 1
        if isinstance(line, Skipped):
            continue
        fields = line.fields
        session = session or as_name(fields.get("sessionId"))
        time = as_milliseconds(fields.get("timestamp"))
        if time is not None and as_name(fields.get("sessionId")):
            side = fields.get("isSidechain") is True
            return Head(path, session, time, as_name(fields.get("cwd")), side)
    return Head(path, session, 0, None, False, is_final=lines == _MOST_LINES)
