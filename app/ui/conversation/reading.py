"""What the conversation reads of a session, each in one go on a reading connection. No Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from app.ui.conversation.content import copied_texts

if TYPE_CHECKING:
    from app.sessions.queries import Queries
    from app.sessions.views import DraftRow, Event, SessionRow

TAIL_EVENTS = 80
COPY_PAGE = 400


@dataclass(frozen=True, slots=True)
class Reading:
    """What one look at a session gives. newest: the id of its newest event, shown or not. unseen: the row id of the
    first event that people have not seen. device: this one (hex). refusal: why this person cannot write there.
    names: of people and devices by id, with the opening only. secrets: how many this device kept out of it."""

    session: SessionRow
    events: list[Event]
    drafts: list[DraftRow]
    newest: str | None
    folders: tuple[Path, ...]
    unseen: int | None = None
    identity: str = ""
    device: str = ""
    refusal: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    secrets: int = 0


def read_opening(queries: Queries, session: str) -> Reading:
    """The end of a session, enough to paint it."""
    row = queries.session(session)
    newest = queries.events(row.id, limit=1)
    tail = queries.tail(row.id, TAIL_EVENTS)
    answers = queries.events(row.id, kinds=("permission_answer",), after=tail[0].id) if tail else []
    return Reading(
        row,
        [*answers, *tail],
        queries.drafts(row.id),
        newest[0].id if newest else None,
        tuple(queries.folders()),
        queries.first_unseen(row.id),
        *queries.own_device(),
        queries.refusal(row.id),
        queries.names(),
        len(queries.secrets(row.id)),
    )


def read_news(queries: Queries, session: str, after: str | None) -> Reading:
    """What has come after an event."""
    events = queries.events(session, after=after)
    newest = events[-1].id if events else after
    return Reading(
        queries.session(session),
        events,
        queries.drafts(session),
        newest,
        tuple(queries.folders()),
        refusal=queries.refusal(session),
        secrets=len(queries.secrets(session)),
    )


def read_texts(queries: Queries, rows: Sequence[int]) -> list[str]:
    """What copying these whole rows (row ids) gives."""
    texts: list[str] = []
    for start in range(0, len(rows), COPY_PAGE):
        texts += copied_texts(queries.events_at(rows[start : start + COPY_PAGE]))
    return texts
