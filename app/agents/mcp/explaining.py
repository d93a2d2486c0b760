"""What went wrong with a server, as one sentence for people."""

from __future__ import annotations

from app.agents.mcp.launch import Address, Launch
from app.agents.mcp.secret_values import masked
from app.agents.mcp.stdio import LastWords
from app.errors import AgentError, UserError

_MOST = 300
_CLOSED = ("Connection closed", "SSE stream")
"""How the library words it; servers use the same code for errors of their own."""
_OF_STATUS = ("Not Found", "Server returned an error response")
"""How the library words an answer that is no message."""


class ServerError(AgentError):
    """A server cannot be reached or broke off; nothing can be asked of it any more."""


class CallError(UserError):
    """A server that goes on did not do what it was asked."""


def explain(error: BaseException, target: Launch | Address, words: LastWords, doing: str) -> UserError:
    """The error to raise in place of one from the library. doing: what was asked, as "listing its tools"."""
    found = error if isinstance(error, UserError) else _innermost(error)
    if isinstance(found, UserError):
        return found
    lost, why = _reason(found, target, words)
    sentence = masked(f"The MCP server '{target.name}' {why}", target.secrets)
    return ServerError(sentence) if lost else CallError(f"{sentence} (While {doing}.)")


def timed_out(target: Launch | Address, words: LastWords, seconds: float, doing: str) -> ServerError:
    """The error for a server that takes too long."""
    sentence = f"The MCP server '{target.name}' did not answer within {seconds:g} seconds (while {doing})."
    if words.garbage:
        sentence += f" It prints something else than messages: “{_line(words.garbage)}”."
    return ServerError(masked(sentence, target.secrets))


def _reason(error: BaseException, target: Launch | Address, words: LastWords) -> tuple[bool, str]:
    """(whether the connection is lost, the rest of the sentence)."""
    import httpx2
    from mcp import MCPError
    from mcp_types import CONNECTION_CLOSED
    from pydantic import ValidationError

    if isinstance(target, Launch) and (words.fault or words.ended is not None):
        return True, _ended(words)
    if isinstance(error, MCPError) and str(error) == "Session terminated":
        return True, "does not know this connection any more; the next call makes a new one."
    if isinstance(error, MCPError) and words.status >= 400 and str(error) in _OF_STATUS:
        return True, _refused(words.status)
    match error:
        case MCPError(code=code) if code == CONNECTION_CLOSED and str(error).startswith(_CLOSED):
            return True, f"closed the connection{_detail(str(error), 'Connection closed')}."
        case MCPError():
            return False, f"says: {_line(str(error))}."
        case httpx2.HTTPStatusError(response=response):
            return True, f"answers with the status {response.status_code}."
        case httpx2.HTTPError() | OSError():
            return True, f"cannot be reached at its address{_detail(str(error))}. Is it running, and the address right?"
        case httpx2.InvalidURL() | httpx2.StreamError():
            return True, f"cannot be used{_detail(str(error))}."
        case ValidationError():
            return False, "answered with something that the protocol does not know."
    return True, f"cannot be used{_detail(str(error) or type(error).__name__)}."


def _refused(status: int) -> str:
    """About an address that answers with an error before any message."""
    match status:
        case 401 | 403:
            return f"refuses to talk: it answers {status}. It wants a token: give it as a header, or a valid one."
        case 404:
            return "is not at that address: it answers 404. Is the path right, such as /mcp?"
    return f"cannot be used: it answers {status}."


def _ended(words: LastWords) -> str:
    """About a program that ended or misbehaved."""
    if words.fault:
        return f"misbehaved and was ended. {words.fault}" + (
            f" For example: “{_line(words.garbage)}”." if words.garbage and "else" in words.fault else ""
        )
    code = words.ended or 0
    how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
    last = _last_line(words.complaint) or words.garbage
    return f"{how}." + (f" It last said: “{_line(last)}”." if last else " It said nothing about why.")


def _innermost(error: BaseException) -> BaseException:
    """The exception that a group is about."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _detail(text: str, *known: str) -> str:
    line = _line(text)
    return f" ({line})" if line and line not in known else ""


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def _line(text: str) -> str:
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return (line[:_MOST] + "…" if len(line) > _MOST else line).rstrip(".")
