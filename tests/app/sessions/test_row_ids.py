"""Row ids of events: they follow time, also where many events share a moment."""

from __future__ import annotations

from app.sessions.events import Draft, UserMessage
from app.sessions.filters import SearchFilter
from app.workspace import Workspace

NOW = 1_600_000_000_000


def _append(home: Workspace, times: list[int]) -> list[str]:
    session = home.write(lambda operations: operations.create(title="Times"))
    drafts = [Draft(body=UserMessage(text=f"needle {number}"), time=time) for number, time in enumerate(times)]
    home.write(lambda operations: operations.append(session, drafts))
    return [event.body.text for event in home.read(lambda queries: queries.tail(session, 10_000))]  # type: ignore[union-attr]


def _found(home: Workspace, **wanted: int) -> list[str]:
    hits = home.read(lambda queries: queries.search("needle", SearchFilter(limit=10_000, **wanted)))  # type: ignore[arg-type]
    return [hit.snippet.replace("‹", "").replace("›", "") for hit in hits]


def test_many_events_of_one_moment_all_have_rows(home):
    texts = _append(home, [NOW] * 1_500)
    assert _append(home, [NOW] * 1_500) == texts
    assert sorted(_found(home)) == sorted(texts * 2)


def test_search_is_newest_first_whatever_came_first(home):
    _append(home, [NOW + 20, NOW, NOW + 10, NOW + 10])
    assert _found(home) == ["needle 0", "needle 3", "needle 2", "needle 1"]


def test_a_time_range_holds_exactly_its_events(home):
    _append(home, [NOW, NOW + 1_000, NOW + 2_000])
    assert _found(home, since=NOW + 1_000, until=NOW + 1_999) == ["needle 1"]
    assert _found(home, since=NOW + 2_000) == ["needle 2"]


def test_times_before_1970_have_rows_too(home):
    assert len(_append(home, [-5, 0, -5])) == 3
    assert len(_found(home)) == 3
