"""Errors of the application layer; the text of a `UserError` is shown to the person as it is."""

from __future__ import annotations

from collections.abc import Sequence


class AppError(Exception):
    """Base of what the application raises on purpose."""


class UserError(AppError):
    """A request that cannot be met. The message says what was wrong, where, and what to do.

    exit_code: of the command line (see `app/cli/errors.py`). candidates: what an ambiguous name could have meant.
    """

    def __init__(self, message: str, *, exit_code: int = 1, candidates: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.candidates = tuple(candidates)


class NotFound(UserError):
    """No such thing, or an ambiguous name."""

    def __init__(self, message: str, *, candidates: Sequence[str] = ()) -> None:
        super().__init__(message, exit_code=4, candidates=candidates)


class AgentError(UserError):
    """An agent or model cannot be reached or broke off."""

    def __init__(self, message: str) -> None:
        super().__init__(message, exit_code=5)
