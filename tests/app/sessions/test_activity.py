"""What went on in a session: spans lie inside their turns, times sum up, and each kind of event is understood."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from app.sessions.activity import Activity, ActivityBuilder
from app.sessions.events import (
    AgentMessage,
    AnyBody,
    Body,
    Command,
    CommandResult,
    Draft,
    FileChange,
    PermissionAnswer,
    PermissionRequest,
    ToolCall,
    ToolResult,
    Usage,
    UserMessage,
    Verification,
)
from app.sessions.operations import SessionOperations
from app.workspace import Workspace

_calls = st.sampled_from(["c1", "c2"])
_durations = st.none() | st.integers(-5, 10_000)
_bodies: st.SearchStrategy[AnyBody] = st.one_of(
    st.builds(UserMessage, text=st.text(max_size=5)),
    st.builds(AgentMessage, text=st.just("x")),
    st.builds(ToolCall, call_id=_calls, name=st.just("edit")),
    st.builds(ToolResult, call_id=_calls, status=st.sampled_from(["completed", "failed"]), duration_ms=_durations),
    st.builds(Command, call_id=_calls, command=st.just("make")),
    st.builds(CommandResult, call_id=_calls, exit_code=st.integers(0, 1), duration_ms=_durations),
    st.builds(PermissionRequest, request_id=_calls, call_id=_calls, name=st.just("edit"), title=st.just("Edit")),
    st.builds(PermissionAnswer, request_id=_calls, answer=st.just("once")),
    st.builds(FileChange, path=st.sampled_from(["a", "b"]), added=st.integers(0, 9), removed=st.integers(0, 9)),
    st.builds(Usage, input=st.integers(0, 99), output=st.integers(0, 99), cost=st.none() | st.floats(0, 1)),
    st.builds(Verification, what=st.just("tests"), passed=st.booleans()),
)
_drafts = st.lists(
    st.builds(
        Draft,
        body=_bodies,
        time=st.integers(0, 100_000),
        turn=st.sampled_from([None, "t1", "t2"]),
        agent=st.sampled_from([None, "claude"]),
    ),
    max_size=25,
)


def written(home: Workspace, *drafts: Draft) -> str:
    def write(operations: SessionOperations) -> str:
        session: str = operations.create()
        operations.append(session, list(drafts))
        return session

    return home.write(write)


def activity(home: Workspace, session: str, *, now: int = 0, running: bool = False) -> Activity:
    builder = ActivityBuilder()
    home.read(lambda queries: builder.add(queries.glances(session)))
    return builder.activity(now, running=running)


def told(home: Workspace, *events: tuple[int, Body], agent: str | None = "claude") -> Activity:
    drafts = [
        Draft(body=body, time=time, turn="t", agent=None if isinstance(body, UserMessage) else agent)
        for time, body in events
    ]
    return activity(home, written(home, *drafts))


@settings(max_examples=60, deadline=None)
@given(drafts=_drafts, now=st.integers(0, 200_000), running=st.booleans())
def test_spans_lie_in_turns_and_times_sum_up(shared: Workspace, drafts: list[Draft], now: int, running: bool) -> None:
    found = activity(shared, written(shared, *drafts), now=now, running=running)
    for turn in found.turns:
        assert turn.start <= turn.end
        assert min(turn.agent_ms, turn.tool_ms, turn.waiting_ms) >= 0
        assert turn.agent_ms + turn.tool_ms + turn.waiting_ms <= turn.duration
        assert all(turn.start <= span.start <= span.end <= turn.end for span in turn.spans)
    assert found.tool_ms == sum(turn.tool_ms for turn in found.turns)
    changes = [draft.body for draft in drafts if isinstance(draft.body, FileChange)]
    assert sum(file.added for file in found.files) == sum(change.added for change in changes)
    usages = [draft.body for draft in drafts if isinstance(draft.body, Usage)]
    assert (found.input, found.output) == (sum(u.input for u in usages), sum(u.output for u in usages))
    assert (found.cost is None) == all(usage.cost is None for usage in usages)
    events = [span.event for turn in found.turns for span in turn.spans]
    assert len(set(events)) == len(events)


@settings(max_examples=30, deadline=None)
@given(drafts=_drafts, cut=st.integers(0, 25))
def test_events_that_come_later_make_the_same(shared: Workspace, drafts: list[Draft], cut: int) -> None:
    session = written(shared, *drafts[:cut])
    builder = ActivityBuilder()
    shared.read(lambda queries: builder.add(queries.glances(session)))
    builder.activity(5, running=True)
    shared.write(lambda operations: operations.append(session, drafts[cut:]))
    shared.read(lambda queries: builder.add(queries.glances(session, builder.last)))
    assert builder.activity(0, running=False) == activity(shared, session)
    assert builder.count == shared.read(lambda queries: queries.glance_count(session, builder.last or ""))


def test_an_agent_s_turn_is_divided(home: Workspace) -> None:
    found = told(
        home,
        (0, UserMessage(text="Make\nit so")),
        (1_000, ToolCall(call_id="c", name="bash", title="Bash")),
        (1_000, PermissionRequest(request_id="r", call_id="c", name="bash", title="Bash")),
        (5_000, PermissionAnswer(request_id="r", answer="once")),
        (5_100, Command(call_id="c", command="make\ntest")),
        (9_000, CommandResult(call_id="c", exit_code=2, duration_ms=3_800)),
        (9_000, ToolResult(call_id="c", status="completed", duration_ms=3_900)),
        (9_500, Verification(what="tests pass", passed=False)),
        (10_000, Usage(input=100, output=20, cost=0.5)),
    )
    (turn,) = found.turns
    command, wait, check = turn.spans
    assert (turn.prompt, command.kind, command.name, command.status) == ("Make it so", "command", "make test", "failed")
    assert (command.start, command.end, wait.duration, check.status) == (5_200, 9_000, 4_000, "failed")
    assert (turn.agent_ms, turn.tool_ms, turn.waiting_ms) == (2_200, 3_800, 4_000)
    assert (found.calls, found.failed, found.input, found.output, found.cost) == (1, 2, 100, 20, 0.5)


def test_a_person_s_own_command_is_a_turn_without_an_agent(home: Workspace) -> None:
    session = written(
        home,
        Draft(body=UserMessage(text="hi"), time=0, turn="a"),
        Draft(body=AgentMessage(text="hello"), time=2_000, turn="a", agent="claude"),
        Draft(body=Command(call_id="own", command="ls"), time=90_000, turn="b"),
        Draft(body=CommandResult(call_id="own", exit_code=0), time=90_500, turn="b"),
    )
    first, own = activity(home, session).turns
    assert (first.duration, first.agent_ms) == (2_000, 2_000)
    assert (own.prompt, own.agent_ms, own.tool_ms, own.spans[0].own) == ("", 0, 500, True)


def test_what_runs_goes_on_until_now(home: Workspace) -> None:
    session = written(
        home,
        Draft(body=UserMessage(text="hi"), time=0, turn="a"),
        Draft(body=ToolCall(call_id="c", name="edit"), time=1_000, turn="a", agent="claude"),
    )
    (turn,) = activity(home, session, now=4_000, running=True).turns
    assert (turn.end, turn.spans[0].end, turn.spans[0].status) == (4_000, 4_000, "running")
    (turn,) = activity(home, session, now=4_000).turns
    assert (turn.end, turn.spans[0].duration, turn.spans[0].status) == (1_000, 0, "unfinished")


def test_long_bodies_are_found_in_their_blobs(home: Workspace) -> None:
    found = told(
        home,
        (0, UserMessage(text="long " * 5_000)),
        (10, ToolCall(call_id="c", name="write", input={"content": "x" * 90_000})),
        (40, ToolResult(call_id="c", status="failed", output="y" * 90_000)),
    )
    (turn,) = found.turns
    assert turn.prompt.startswith("long long") and len(turn.prompt) <= 200
    assert [(span.name, span.status, span.duration) for span in turn.spans] == [("write", "failed", 30)]
    assert replace(found, turns=()) == Activity(calls=1, failed=1, agent_ms=10, tool_ms=30)
