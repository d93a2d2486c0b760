"""A review as the HTML that Qt shows: calm, with links to sessions, events and files. Pure but for the theme."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from html import escape

from app.sessions.review import AgentReview, Review
from app.sessions.review_text import BY_HAND, figures
from app.ui.places import CommandPlace, Place, SessionPlace
from app.ui.theme import Theme
from app.ui.words import counted, one_line

MOST_SESSIONS = 200
"""So many are listed for each agent; the export has all."""
_NOTHING = "Nothing happened in this workspace in this week."


def review_html(review: Review, theme: Theme) -> str:
    """The document."""
    return (
        f"<style>a {{ color: {theme.accent}; text-decoration: none; }} "
        f".m {{ color: {theme.muted}; }} .f {{ color: {theme.removed_text}; }} .p {{ color: {theme.added_text}; }} "
        "h2 { margin-top: 20px; margin-bottom: 2px; } h4 { margin-top: 14px; margin-bottom: 2px; } "
        "p { margin-top: 3px; margin-bottom: 3px; }</style>" + "".join(_body(review))
    )


def _body(review: Review) -> Iterator[str]:
    if not review.agents:
        yield f"<p class='m'>{_NOTHING}</p>"
    for one in review.agents:
        yield f"<h2>{_text(one.agent) or BY_HAND}</h2><p class='m'>{escape(' · '.join(figures(one)))}</p>"
        yield from _sessions(one)
        yield from _failures(one)
        if one.tools:
            used = ", ".join(f"{_text(name)} <span class='m'>{count:,}</span>" for name, count in one.tools)
            yield f"<h4>Tools</h4><p>{used}</p>"
        yield from _files(one)


def _sessions(one: AgentReview) -> Iterator[str]:
    yield "<h4>Asked</h4>"
    for row in one.sessions[:MOST_SESSIONS]:
        day = datetime.fromtimestamp(row.start / 1000).astimezone()
        title, prompt = one_line(row.title), one_line(row.prompt)
        asked = f" <span class='m'>{escape(prompt)}</span>" if prompt and prompt != title else ""
        facts = [counted(row.prompts, "prompt")] if row.prompts > 1 else []
        facts += [f"${row.cost:,.2f}"] if row.cost is not None else []
        told = f" <span class='m'>· {' · '.join(facts)}</span>" if facts else ""
        failed = f" <span class='f'>· {row.failed:,} failed</span>" if row.failed else ""
        link = _link(f"session/{row.session}/{row.event}", title or "Untitled")
        yield f"<p><span class='m'>{day:%a %H:%M}</span> &nbsp;{link}{asked}{told}{failed}</p>"
    if len(one.sessions) > MOST_SESSIONS:
        yield f"<p class='m'>and {counted(len(one.sessions) - MOST_SESSIONS, 'more session')}</p>"


def _failures(one: AgentReview) -> Iterator[str]:
    if not one.failures:
        return
    yield f"<h4>Failed <span class='m'>{one.failed:,}</span></h4>"
    for failure in one.failures:
        where = "command" if failure.kind == "command" else "session"
        link = _link(f"{where}/{failure.session}/{failure.event}", one_line(failure.name) or failure.kind)
        yield f"<p><span class='f'>✕</span> &nbsp;{link} <span class='m'>in {_text(failure.title)}</span></p>"
    if one.failed > len(one.failures):
        yield f"<p class='m'>and {one.failed - len(one.failures):,} more</p>"


def _files(one: AgentReview) -> Iterator[str]:
    if not one.files:
        return
    yield f"<h4>Files changed most <span class='m'>{one.changed:,}</span></h4>"
    for file in one.files:
        counts = f"<span class='p'>+{file.added:,}</span> <span class='f'>−{file.removed:,}</span>"
        yield f"<p>{_text(file.path)} &nbsp;{counts}</p>"


def _link(place: str, text: str) -> str:
    return f"<a href='{escape(place, quote=True)}'>{escape(text)}</a>"


def _text(text: str) -> str:
    return escape(one_line(text))


def place_of(link: str) -> Place | None:
    """Where a link of the document leads."""
    kind, _, rest = link.partition("/")
    session, _, event = rest.partition("/")
    if kind == "command":
        return CommandPlace(session, event)
    return SessionPlace(session, event) if kind == "session" else None
