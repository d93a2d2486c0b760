"""Sessions that are dragged: out of their list, into prompts."""

from __future__ import annotations

import re
from collections.abc import Sequence

from PySide6.QtCore import QMimeData

SESSION_MIME = "application/x-lovelace-session"
"""Ids of sessions, one a line."""
MOST_DRAGGED = 20
_SESSION = re.compile(r"[0-9A-Z]{8,26}")


def dragged(sessions: Sequence[str]) -> QMimeData:
    """Sessions, by their ids, as something to drag; as text, what refers to them."""
    data = QMimeData()
    data.setData(SESSION_MIME, "\n".join(sessions).encode())
    data.setText(" ".join(f"@{session}" for session in sessions))
    return data


def dragged_sessions(data: QMimeData) -> list[str]:
    """The ids of sessions that were dragged here; what is no id is left out."""
    lines = bytes(data.data(SESSION_MIME).data())[: 64 * MOST_DRAGGED].decode("ascii", "replace").split()
    return [line for line in lines[:MOST_DRAGGED] if _SESSION.fullmatch(line)]
