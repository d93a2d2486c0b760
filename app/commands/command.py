"""What a user command is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from app.sessions.operations import SessionOperations

Subject = Literal["none", "session", "sessions", "workspace"]
"""What a command acts on: nothing that must be chosen first, one session, any number, one workspace."""

Run = Callable[["SessionOperations", Sequence[str], str], Sequence[str]]
"""Takes the ids of the subjects and the asked-for text ('' where none is), gives the ids of what changed or
came to be. One transaction: `workspace.write(lambda operations: command.run(operations, ids, text))`."""


class Command(msgspec.Struct, frozen=True):
    """A thing that people do.

    id: dotted, stable. title: for menu and palette, in the imperative. help: one sentence.
    asks: what the text is that the command needs, or None. shortcut: default keys, in Qt's portable form.
    destroys: it cannot be undone, so a person must be asked before.
    """

    id: str
    title: str
    help: str
    subject: Subject
    run: Run
    asks: str | None = None
    shortcut: str | None = None
    destroys: bool = False
