"""What went wrong with an external agent, as one sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from app.agents.acp.wire import LastWords
from app.agents.history import cut_middle
from app.errors import AgentError

AUTH_REQUIRED = -32000
_TAIL = 300


class Unreachable(AgentError):
    """The agent's program does not run any more."""


def not_started(name: str, program: str, reason: str) -> AgentError:
    """The program could not be started."""
    return AgentError(
        f"The agent '{name}' cannot be started: {program}: {reason}. Install it, or add the agent anew with the right "
        "command."
    )


def broke_off(name: str, words: LastWords) -> AgentError:
    """The program ended, or stopped speaking the protocol."""
    said = last_line(words.complaint) or last_line(words.garbage)
    last = f" Its last words: {said}" if said else ""
    return Unreachable(f"The agent '{name}' broke off: {_reason(words)}.{last}")


def _reason(words: LastWords) -> str:
    if words.fault:
        return words.fault[0].lower() + words.fault[1:].rstrip(".")
    if words.ended is None:
        return "it closed its output"
    return f"it was ended by signal {-words.ended}" if words.ended < 0 else f"it ended with code {words.ended}"


def too_slow(name: str, doing: str, seconds: float, words: LastWords) -> AgentError:
    """The agent said nothing."""
    said = last_line(words.complaint)
    last = f" Its last words: {said}" if said else ""
    return AgentError(f"The agent '{name}' did not {doing} within {seconds:g} seconds.{last}")


def refused(name: str, code: Any, message: Any, data: Any, logins: Sequence[str]) -> AgentError:
    """The agent answered with an error. logins: how one logs in to it, as it says."""
    if code == AUTH_REQUIRED:
        ways = f" It offers: {'; '.join(logins)}." if logins else ""
        return AgentError(f"The agent '{name}' wants you to log in first, in a terminal of its own.{ways}")
    details = data.get("details", data.get("message")) if isinstance(data, dict) else data
    text = ": ".join(part for part in (one_line(message), one_line(details)) if part) or "it gave no reason"
    return AgentError(f"The agent '{name}' broke off: {text.rstrip('.')}.")


def login_methods(methods: Any) -> list[str]:
    """The ways to log in that an agent names, as people read them."""
    found = []
    for method in methods[:10] if isinstance(methods, list) else []:
        if isinstance(method, dict):
            told = [one_line(method.get(key)) for key in ("name", "description")]
            found.append(", ".join(part for part in told if part))
    return [text for text in found if text]


def last_line(text: str) -> str:
    """The last line that says something, without colours."""
    plain = re.sub(r"\x1b\[[0-9;?]*[ -/]*[@-~]", "", text)
    lines = [line.strip() for line in plain.splitlines() if line.strip()]
    return one_line(lines[-1]) if lines else ""


def one_line(value: Any) -> str:
    """A text in one line of bounded length; '' for what is no text."""
    return " ".join(cut_middle(value, _TAIL).split()) if isinstance(value, str) else ""
