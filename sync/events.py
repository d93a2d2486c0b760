"""What the engine tells after it committed something."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Committed:
    """A transaction of this or another process is durable.

    seq: position in the commit log. process: who wrote it. subjects: what changed, such as `session/<id>`,
    `draft/<id>`, `note/<name>`, `workspace/<id>`, `setting/<name>`.
    """

    seq: int
    process: str
    subjects: frozenset[str]
