"""Summaries of sessions: the session field `summary`, which agents set."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

FIELD = "summary"
MAX_SUMMARY = 2_000
"""Characters of a summary; of one that is longer, so many are read."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a session came to. event: id of the event that says so."""

    text: str
    event: str


def read_summary(event: str, value: str) -> Summary | None:
    """The summary of a field's JSON value; None for anything else."""
    text = msgspec.json.decode(value)
    return Summary(text[:MAX_SUMMARY], event) if isinstance(text, str) and text.strip() else None
