"""How long an external agent may take and how much it may say. Times are seconds, sizes bytes or characters."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """opening: of each step until a session stands. cancel: from being told to stop until the agent is ended.

    message: the longest single message. waiting: updates that are read before the ones in front are recorded.
    """

    opening: float = 90.0
    cancel: float = 0.6
    message: int = 50 << 20
    garbage_lines: int = 1_000
    """So many lines that are no messages are passed over: agents print their greetings where they should not."""
    requests: int = 64
    """So many requests of the agent are open at once; more are refused."""
    waiting: int = 1_000
    calls: int = 5_000
    """Of one turn; what comes after them is not recorded one by one."""


DEFAULT_LIMITS = Limits()
CLOSE_SECONDS = 0.25
"""An agent that is told that nobody listens any more has so long to end by itself."""
MOST_TEXT = 200_000
"""Characters of one text of a call that the session keeps."""
MOST_ENTRIES = 500
"""Of a plan, or of the locations of a call."""
