"""A review as Markdown, for people to keep and send. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from app.sessions.links import SessionLink
from app.sessions.review import AgentReview, Review

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|])")
BY_HAND = "Without an agent"


def review_markdown(review: Review, title: str) -> str:
    """The document. title: what the time is called."""
    return "".join(_pieces(review, title))


def _pieces(review: Review, title: str) -> Iterator[str]:
    yield f"# {plain(title)}\n\n"
    if not review.agents:
        yield "Nothing happened.\n"
    for one in review.agents:
        yield f"## {plain(one.agent) or BY_HAND}\n\n{', '.join(figures(one))}.\n\n"
        yield "".join(_sessions(one)) + "\n"
        if one.failures:
            yield f"### Failed: {one.failed:,}\n\n"
            yield from (
                f"- {plain(failure.name) or failure.kind} ({failure.kind}) in [{plain(failure.title)}]"
                f"({SessionLink(failure.session, failure.event)})\n"
                for failure in one.failures
            )
            yield "\n"
        if one.tools:
            yield f"Tools: {', '.join(f'{plain(name)} {count:,}' for name, count in one.tools)}.\n\n"
        if one.files:
            yield f"### Files: {one.changed:,}\n\n"
            yield from (f"- {plain(file.path)} +{file.added:,} −{file.removed:,}\n" for file in one.files)
            yield "\n"


def _sessions(one: AgentReview) -> Iterator[str]:
    for row in one.sessions:
        day = datetime.fromtimestamp(row.start / 1000)
        asked = f": {plain(row.prompt)}" if row.prompt and row.prompt != row.title else ""
        failed = f" ({row.failed:,} failed)" if row.failed else ""
        link = SessionLink(row.session, row.event)
        yield f"- {day:%a %H:%M} [{plain(row.title)}]({link}){asked}{failed}\n"


def figures(one: AgentReview) -> list[str]:
    """What is known, in a few words each."""
    told = [
        _counted(len(one.sessions), "session"),
        _counted(one.prompts, "prompt"),
        _counted(one.calls, "tool call"),
        f"{one.failed:,} failed",
        f"agent {_time(one.agent_ms)}",
        f"tools {_time(one.tool_ms)}",
        f"waiting for you {_time(one.waiting_ms)}",
    ]
    if one.input or one.output:
        told.append(f"{one.input:,} tokens in and {one.output:,} out")
    if one.cost is not None:
        told.append(f"${one.cost:,.2f}")
    return told


def plain(text: str) -> str:
    """One line that means nothing to Markdown."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _time(milliseconds: int) -> str:
    minutes, seconds = divmod(milliseconds // 1000, 60)
    if minutes < 60:
        return f"{minutes} m {seconds} s" if minutes else f"{seconds} s"
    return f"{minutes // 60} h {minutes % 60} m"
