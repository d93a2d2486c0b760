"""What a task is begun with, from the terminal or the window: the session and its job, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from app.agents.rules import Rules
from app.sessions.fields import title_from

if TYPE_CHECKING:
    from app.sessions.operations import SessionOperations


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task that can begin. folders: what its tools may touch, the working one first."""

    text: str
    agent: str
    folders: tuple[Path, ...]
    rules: Rules

    def add(self, operations: SessionOperations) -> str:
        """Leave it to whoever does the jobs of the home; gives the session."""
        with operations.engine.transaction():
            title, here = title_from(self.text), str(self.folders[0])
            session = operations.create(title=title, type="agent", agent=self.agent, cwd=here)
            folders = [str(folder) for folder in self.folders]
            operations.add_job(session, self.text, self.agent, msgspec.to_builtins(self.rules), folders)
        return session

    def begin(self, operations: SessionOperations) -> str:
        """As `add`, but this process does it."""
        with operations.engine.transaction():
            session = self.add(operations)
            operations.begin_job(session)
        return session
