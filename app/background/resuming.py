"""Goes on with tasks under other rules, such as higher limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from app.agents.rules import Rules

if TYPE_CHECKING:
    from app.sessions.operations import SessionOperations


def resume_with_rules(rules: Rules) -> Callable[[SessionOperations, Sequence[str], str], Sequence[str]]:
    """What `Command.run` of resuming is then; in one transaction."""

    def run(operations: SessionOperations, ids: Sequence[str], _text: str) -> Sequence[str]:
        with operations.engine.transaction():
            for session in ids:
                operations.allow_job(session, msgspec.to_builtins(rules))
            operations.resume(ids)
        return ids

    return run
