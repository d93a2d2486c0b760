"""Which commands make sense for tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.commands import sessions as commands

if TYPE_CHECKING:
    from app.commands.command import Command
    from app.sessions.jobs import Job


def offered_commands(jobs: Sequence[Job]) -> list[Command]:
    """For tasks that have not ended: pausing or going on, taking over, stopping."""
    states = {job.state for job in jobs}
    first = [commands.PAUSE] if states == {"ready"} else [commands.RESUME] if "ready" not in states else []
    return [*first, commands.TAKE_OVER, commands.STOP]
