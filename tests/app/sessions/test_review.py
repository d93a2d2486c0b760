"""Reviews of a time: what belongs to it, to whom, and that sums match what is in the sessions."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.sessions.events import Command, CommandResult, Draft, FileChange, ToolCall, Usage, UserMessage, Verification
from app.sessions.operations import SessionOperations
from app.sessions.review import MOST_FAILURES, AgentReview, Review, read_review
from app.workspace import Workspace
from tests.app.sessions.test_activity import _drafts

WEEK = (1_000, 2_000)


def written(home: Workspace, title: str, *drafts: Draft) -> str:
    def write(operations: SessionOperations) -> str:
        session: str = operations.create(title=title)
        operations.append(session, list(drafts))
        return session

    return home.write(write)


def review(home: Workspace, since: int = WEEK[0], until: int = WEEK[1]) -> Review:
    return home.read(lambda queries: read_review(queries, since, until, lambda _count: None))


def asked(time: int, text: str = "Do it", agent: str = "claude") -> list[Draft]:
    return [
        Draft(body=UserMessage(text=text), time=time, turn=text),
        Draft(body=ToolCall(call_id="c", name="bash"), time=time + 1, turn=text, agent=agent),
        Draft(body=Command(call_id="c", command="make"), time=time + 1, turn=text, agent=agent),
        Draft(body=CommandResult(call_id="c", exit_code=1), time=time + 5, turn=text, agent=agent),
        Draft(body=Usage(input=10, output=2, cost=0.5), time=time + 6, turn=text, agent=agent),
    ]


def test_what_was_asked_what_failed_and_what_it_cost(home: Workspace) -> None:
    session = written(
        home,
        "One",
        *asked(1_100),
        *asked(1_200, "More"),
        Draft(body=FileChange(path="a", added=3), time=1_300, turn="More", agent="claude"),
    )
    written(home, "Two", *asked(1_500, agent="codex"))
    claude, codex = review(home).agents
    (one,) = claude.sessions
    assert (one.session, one.title, one.prompt, one.prompts, one.failed) == (session, "One", "Do it", 2, 2)
    assert (claude.agent, claude.prompts, claude.calls, claude.failed, claude.cost) == ("claude", 2, 2, 2, 1.0)
    assert (claude.tools, claude.input, claude.output, claude.tool_ms) == ((("bash", 2),), 20, 4, 8)
    assert [(file.path, file.added) for file in claude.files] == [("a", 3)]
    assert (codex.agent, codex.failures[0].kind, codex.failures[0].name) == ("codex", "command", "make")


def test_only_what_is_in_the_time_and_in_the_workspace_counts(home: Workspace) -> None:
    session = written(home, "One", *asked(500, "before"), *asked(1_100, "in it"), *asked(2_000, "after"))
    trashed = written(home, "Two", *asked(1_200))
    home.write(lambda operations: operations.set_fields(trashed, {"trashed": True}))
    (claude,) = review(home).agents
    assert [(one.session, one.prompt, one.prompts) for one in claude.sessions] == [(session, "in it", 1)]
    assert review(home, 10_000, 20_000).agents == ()
    home.use(home.write(lambda operations: operations.create_workspace("other")))
    assert review(home).agents == ()


def test_people_alone_come_last_and_failures_are_bounded(home: Workspace) -> None:
    many = [
        Draft(body=Verification(what=f"{n}", passed=False), time=1_100 + n, turn="t", agent="claude")
        for n in range(MOST_FAILURES + 5)
    ]
    written(home, "Mine", Draft(body=UserMessage(text="note"), time=1_100))
    written(home, "Checks", *many)
    agent, nobody = review(home).agents
    assert (agent.failed, len(agent.failures), agent.failures[0].name) == (MOST_FAILURES + 5, MOST_FAILURES, "44")
    assert (nobody.agent, nobody.prompts, nobody.sessions[0].prompt) == ("", 1, "note")


def test_who_is_told_can_end_it(home: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.sessions.review.BATCH", 2)
    written(home, "One", *asked(1_100))
    counts: list[int] = []
    home.read(lambda queries: read_review(queries, *WEEK, counts.append))
    assert counts == [2, 4]

    def stop(_count: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        home.read(lambda queries: read_review(queries, *WEEK, stop))


def total(reviews: list[AgentReview], name: str) -> int:
    return sum(getattr(one, name) for one in reviews)


@settings(max_examples=30, deadline=None)
@given(sessions=st.lists(_drafts, max_size=3))
def test_sums_match_what_was_written(shared: Workspace, sessions: list[list[Draft]]) -> None:
    shared.use(shared.write(lambda operations: operations.create_workspace("w")))
    for drafts in sessions:
        written(shared, "x", *drafts)
    agents = list(review(shared, 0, 1 << 40).agents)
    bodies = [draft.body for drafts in sessions for draft in drafts]
    assert total(agents, "input") == sum(body.input for body in bodies if isinstance(body, Usage))
    assert total(agents, "prompts") == sum(isinstance(body, UserMessage) and bool(body.text.split()) for body in bodies)
    assert sum(len(one.sessions) for one in agents) == sum(bool(drafts) for drafts in sessions)
    assert all(len(one.failures) <= one.failed for one in agents)
