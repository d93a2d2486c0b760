"""The table of all user commands."""

from __future__ import annotations

from app.commands import sessions, workspaces
from app.commands.command import Command

COMMANDS: tuple[Command, ...] = (*sessions.COMMANDS, *workspaces.COMMANDS)
"""Every command, in the order of menu and palette."""

BY_ID = {command.id: command for command in COMMANDS}
