"""What a job may still use up: limits count from when the person began or resumed it, not from when a process did."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from app.agents.rules import Rules
from app.sessions.events import ToolCall, Usage
from app.sessions.views import Event


def remaining(rules: Rules, events: Iterable[Event], since: int, used_ms: int) -> Rules:
    """The rules with what is left of their limits. events: of the session; since: ms, from when on they count."""
    steps = tokens = 0
    for event in events:
        if event.time >= since:
            match event.body:
                case ToolCall():
                    steps += 1
                case Usage(input=given, output=said):
                    tokens += given + said
    return msgspec.structs.replace(
        rules,
        steps=max(rules.steps - steps, 0),
        tokens=max(rules.tokens - tokens, 0),
        seconds=max(rules.seconds - used_ms / 1000, 0),
    )


def spent_limit(rules: Rules) -> str | None:
    """Which limit is used up, in a sentence; None: none is."""
    if rules.steps and rules.tokens and rules.seconds:
        return None
    used = "steps" if not rules.steps else "tokens" if not rules.tokens else "time"
    return f"The task has used up the {used} that its rules give it."
