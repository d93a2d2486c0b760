"""The error that ends a turn because the agent used up what the rules give it."""

from __future__ import annotations

from app.errors import AgentError


class LimitReached(AgentError):
    """A limit of steps, repeats, time or tokens; a task that meets it waits for a person."""
