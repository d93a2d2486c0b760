"""What came of a server or a call, as sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.ui.words import counted, one_line

if TYPE_CHECKING:
    from app.agents.mcp.calling import Called
    from app.agents.mcp.trying import TriedServer

_MOST = 60


def tried_words(tried: TriedServer) -> str:
    """What came of trying a server."""
    info = tried.info
    name = " ".join(part for part in (one_line(info.name)[:_MOST], one_line(info.version)[:_MOST]) if part)
    has = [counted(tried.tools, "tool")]
    has += [counted(tried.resources, "resource")] * bool(tried.resources)
    has += [counted(tried.prompts, "prompt")] * bool(tried.prompts)
    return f"{name} answers after {tried.seconds:.1f} s: {', '.join(has)}."


def called_words(called: Called) -> str:
    """How a call ended."""
    seconds = f"{called.took / 1000:.1f} s"
    if called.answer is None:
        return str(called.error)
    return f"It reports an error, after {seconds}." if called.answer.is_error else f"Done in {seconds}."
