"""A commit's message that the session's agent proposes from what is staged."""

from __future__ import annotations

import asyncio

from app.agents.asking import ask_once
from app.agents.backend import AgentBackend
from app.agents.history import cut_middle
from app.agents.repository.program import look_with_git, succeeded
from app.agents.repository.reading import Repository
from app.errors import AgentError, UserError

SECONDS = 90.0
"""So long an agent has for a proposal."""
MOST_SUMMARY, MOST_BODY = 100, 4_000
"""Characters that are taken of an answer."""
_TOLD_CHARACTERS = 10_000
_DIFF = ("diff", "--cached", "--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=dirty", "-M")
_QUESTION = (
    "Write the message of a git commit for these changes. The first line is one sentence of at most 70 characters that "
    "says what the change does. If that does not say enough, add an empty line and a few short sentences. Answer with "
    "the message alone, without quotes and without Markdown.\n\n{stat}\n\n{diff}"
)
_FENCE = "```"
_DECORATION = " \t\"'`*#"


async def propose_message(repository: Repository, backend: AgentBackend, *, within: float = SECONDS) -> tuple[str, str]:
    """(summary, body) as the agent proposes them. UserError, AgentError: why there is none."""
    stat = succeeded(await look_with_git(repository.top, *_DIFF, "--stat=100,80,30"))
    if not stat.strip():
        raise UserError("Nothing is staged, so there is nothing to describe. Stage what the commit is to have.")
    diff = succeeded(await look_with_git(repository.top, *_DIFF, "--unified=2"))
    told = [cut_middle(part.decode("utf-8", "replace"), _TOLD_CHARACTERS) for part in (stat, diff)]
    try:
        async with asyncio.timeout(within):
            answer = await ask_once(backend, _QUESTION.format(stat=told[0], diff=told[1]))
    except TimeoutError as error:
        raise AgentError(
            f"{backend.name} did not answer within {within:.0f} seconds. Try again, or write it."
        ) from error
    message = split_message(answer)
    if message is None:
        raise AgentError(f"{backend.name} proposed nothing. Try again, or write the message yourself.")
    return message


def split_message(answer: str) -> tuple[str, str] | None:
    """(summary, body) of an answer, without what agents like to put around; None where nothing is left. Pure."""
    lines = [line.rstrip() for line in answer.splitlines() if not line.lstrip().startswith(_FENCE)]
    while lines and not lines[0].strip(_DECORATION):
        lines.pop(0)
    if not lines:
        return None
    summary = " ".join(lines[0].strip(_DECORATION).split())
    if len(summary) > MOST_SUMMARY:
        summary = summary[: MOST_SUMMARY - 1].rstrip() + "…"
    return summary, "\n".join(lines[1:]).strip()[:MOST_BODY].rstrip()
