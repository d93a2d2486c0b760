"""The one error door of the command line: every failure becomes an exit code and one sentence on stderr.

0 done · 1 the request cannot be met · 2 usage · 3 locked · 4 no such thing, or ambiguous ·
5 peer, agent or mailbox unreachable · 6 damaged data · 7 a task waits for a person · 130 interrupted.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.errors import UserError
from sync.errors import DamagedError, LockedError, SyncError, TransportError

DONE, FAILED, USAGE, LOCKED, NOT_FOUND, UNREACHABLE, DAMAGED, WAITING, INTERRUPTED = (
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    130,
)


class UsageError(UserError):
    """The command line itself is wrong."""

    def __init__(self, message: str) -> None:
        super().__init__(message, exit_code=USAGE)


class OutputClosed(Exception):
    """The reader of our output has gone (a closed pipe): there is nobody left to tell."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong, for a person or a script. unexpected: a mistake of ours; the traceback helps."""

    code: int
    message: str
    candidates: tuple[str, ...] = ()
    unexpected: bool = False

    def to_json(self) -> dict[str, object]:
        """The shape that `--json` prints on stderr."""
        return {"error": {"code": self.code, "message": self.message, "candidates": list(self.candidates)}}


def failure_of(error: BaseException) -> Failure:
    """The failure that an exception means."""
    match error:
        case UserError():
            return Failure(error.exit_code, str(error), error.candidates)
        case LockedError():
            return Failure(LOCKED, str(error))
        case DamagedError():
            return Failure(DAMAGED, str(error))
        case TransportError():
            return Failure(UNREACHABLE, str(error))
        case SyncError():
            return Failure(FAILED, str(error))
        case KeyboardInterrupt():
            return Failure(INTERRUPTED, "Interrupted.")
        case OSError() if error.strerror:
            return Failure(FAILED, _system_sentence(error), unexpected=True)
        case _:
            return Failure(FAILED, _unexpected_sentence(error), unexpected=True)


def _system_sentence(error: OSError) -> str:
    where = f": {error.filename}" if error.filename else ""
    return f"The system refused: {error.strerror}{where}."


def _unexpected_sentence(error: BaseException) -> str:
    detail = " ".join(str(error).split())
    return f"Something went wrong inside Lovelace ({type(error).__name__}: {detail}). --verbose shows where."
