"""How a session goes on with an external agent: the agent's own session where it still has it, else what is told.

The agent's session is named in a notice of ours, on the record of the person and device that it belongs to. What has
happened since the agent last spoke, or all of it where the agent begins anew, goes before the prompt as text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.agents.acp.values import member
from app.agents.backend import PastEvent, SessionContext
from app.agents.history import LABELS, PastItem, PastText, Reader, cut_middle, transcript
from app.sessions.events import Notice

MOST_CHARACTERS = 60_000
"""Of what is told; what is older is left out."""
_RESULT = 2_000


@dataclass(frozen=True, slots=True)
class Begun:
    """A session that the agent keeps. session: the agent's id of it; after: how many events there were then."""

    session: str
    after: int


def notice(agent: str, session: str, text: str) -> Notice:
    """The event that says how the agent works here, and names its session."""
    return Notice(text=text, data={"acp": {"agent": agent, "session": session}})


def begun(context: SessionContext, agent: str) -> Begun | None:
    """The session that the agent of this person has begun for this one, if any."""
    found: str | None = None
    last = 0
    for number, event in enumerate(context.history, 1):
        if not _is_own(event, context.own, agent):
            continue
        last = number
        if isinstance(event.body, Notice) and member(event.body.data, "acp", "agent") == agent:
            session = member(event.body.data, "acp", "session")
            found = session if isinstance(session, str) and session else found
    return None if found is None else Begun(found, last)


def told(context: SessionContext, agent: str, after: int = 0) -> str:
    """What the agent is told of the past from an event on; '' where there is nothing to tell."""
    reader = Reader(context.own, agent, context.related, context.children)
    past = transcript([event for event in context.history[after:] if not _is_ours(event)], reader)
    items = [step.item for turn in past.turns for step in turn]
    lines = [f"Summary of what was before:\n{past.summary}"] if past.summary else []
    lines += _within([_line(item) for item in items])
    if context.state and not after:
        lines.append(context.state)
    if not lines:
        return ""
    return "\n\n".join([f"This is what came before in this conversation. {LABELS}", *lines, "Now the user says:"])


def _within(lines: Sequence[str]) -> list[str]:
    kept: list[str] = []
    left = MOST_CHARACTERS
    for line in reversed(lines):
        left -= len(line)
        if left < 0 and kept:
            return [f"({len(lines) - len(kept)} earlier entries left out)", *reversed(kept)]
        kept.append(cut_middle(line, MOST_CHARACTERS))
    return kept[::-1]


def _line(item: PastItem) -> str:
    if isinstance(item, PastText):
        return item.text if item.text.startswith("[") else f"{'User' if item.by_person else 'You'}: {item.text}"
    arguments = cut_middle(str(item.arguments), _RESULT)
    return f"You used {item.name} {arguments}:\n{cut_middle(item.result, _RESULT)}"


def _is_own(event: PastEvent, own: str, agent: str) -> bool:
    """Whether this person's agent wrote it; what came with an import, or says so only, does not count."""
    author = event.author
    if author is None or event.source is not None:
        return False
    return author.identity == own and not author.claimed and author.agent == agent


def _is_ours(event: PastEvent) -> bool:
    return isinstance(event.body, Notice) and member(event.body.data, "acp") is not None
