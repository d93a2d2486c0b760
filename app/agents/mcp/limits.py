"""How long a server may take and how much it may say. Times are seconds, sizes bytes or characters."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """call: of one call, without the time in which a person is asked. message: the longest single message."""

    connect: float = 30.0
    listing: float = 30.0
    call: float = 300.0
    message: int = 16 << 20
    garbage_lines: int = 1_000
    """So many lines that are no messages are passed over: servers print their greetings where they should not."""
    burst: int = 500
    """So many messages that nobody asked for are taken at once; then as many a second."""
    pages: int = 50
    items: int = 2_000
    """Of tools, resources or prompts."""


CLOSE_SECONDS = 0.25
"""A server that is told that nobody listens any more has so long to end by itself."""
MOST_TEXT = 200_000
"""Characters of a result that the model is given and the session shows; its whole content is kept beside it."""
