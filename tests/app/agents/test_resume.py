"""Going on with a session: what the model is really sent, and what becomes of older turns, in a real store."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from app.agents.backend import AgentBackend, Update
from app.agents.context import read_past, session_context
from app.agents.models import Endpoint, open_compatible
from app.agents.permission import Policy
from app.agents.pydantic_backend import ModelBackend
from app.agents.recorder import StoreRecorder
from app.agents.scripted import ScriptedBackend, parse_script
from app.agents.task import refuse
from app.agents.turn import Asking, TurnRunner
from app.agents.window import estimate
from app.agents.work import work_state
from app.errors import AgentError
from app.sessions.events import (
    AgentMessage,
    AnyBody,
    Command,
    CommandResult,
    Compaction,
    Conclusion,
    Draft,
    FileChange,
    PermissionAnswer,
    PermissionRequest,
    Plan,
    PlanEntry,
    Reference,
    SessionSet,
    ToolCall,
    ToolResult,
    UserMessage,
)
from app.sessions.markdown import session_markdown
from app.sessions.views import Event
from app.workspace import Workspace
from tests.app.agents.support import run
from tests.helpers.homes import open_home
from tests.helpers.model_server import ModelServer, Reply
from tests.helpers.talks import foreign

WINDOW = 4_000
SUMMARY_ASKED = "You keep the record"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Workspace]:
    workspace = open_home(tmp_path / "home")
    yield workspace
    workspace.close()


@dataclass
class Asked:
    """What a server got and what the session came to."""

    requests: list[dict[str, Any]]
    updates: list[Update] = field(default_factory=list)
    error: AgentError | None = None

    @property
    def summaries(self) -> list[str]:
        """The prompts that asked for a summary."""
        return [_texts(one)[-1] for one in self.requests if _texts(one)[0].startswith(SUMMARY_ASKED)]

    @property
    def told(self) -> list[str]:
        """The texts of the last request that was part of the conversation; the instructions first."""
        return [_texts(one) for one in self.requests if not _texts(one)[0].startswith(SUMMARY_ASKED)][-1]


def _texts(request: dict[str, Any]) -> list[str]:
    return [str(message.get("content")) for message in request["messages"]]


async def one_turn(
    home: Workspace, session: str, backend: AgentBackend, text: str, folders: Sequence[Path] = ()
) -> list[Update]:
    """A turn as the terminal and the window run it."""
    recorder = StoreRecorder(home, session, agent=backend.name, clock=home.clock)
    past = await home.read_async(lambda queries: read_past(queries, session))
    state = await work_state(home, past, folders)
    context = session_context(
        home, past, recorder, Asking(refuse), folders=tuple(folders), policy=Policy(), state=state
    )
    updates: list[Update] = []
    conversation = await backend.start(context)
    try:
        await TurnRunner(conversation, recorder, model=backend.model, listener=updates.append).run(text)
    finally:
        await conversation.close()
    return updates


def ask(
    home: Workspace,
    session: str,
    text: str,
    replies: Sequence[Reply],
    *,
    window: int | None = WINDOW,
    folders: Sequence[Path] = (),
) -> Asked:
    """A turn with a model behind a server."""

    async def asked() -> Asked:
        async with ModelServer(replies) as server:
            connect = partial(open_compatible, Endpoint("test", server.url, silence_seconds=20))
            backend = ModelBackend("model", "test", connect, server.url, window)
            made = Asked(server.requests)
            try:
                made.updates = await one_turn(home, session, backend, text, folders)
            except AgentError as error:
                made.error = error
            return made

    return run(asked())


def session_of(home: Workspace, bodies: Sequence[AnyBody], agent: str = "model") -> str:
    """A new session with these events, prompts by Ada, all else by the agent."""
    session = home.write(lambda operations: operations.create(title="The work"))
    add(home, session, bodies, agent)
    return session


def add(home: Workspace, session: str, bodies: Sequence[AnyBody], agent: str = "model") -> list[str]:
    drafts = [
        Draft(body=body, time=n, agent=None if isinstance(body, UserMessage | SessionSet) else agent)
        for n, body in enumerate(bodies)
    ]
    return home.write(lambda operations: operations.append(session, drafts))


def long_talk(count: int, first: int = 0) -> list[AnyBody]:
    made: list[AnyBody] = []
    for number in range(first, first + count):
        call = f"c{number}"
        made += [
            UserMessage(text=f"question {number}: " + "why " * 40),
            ToolCall(call_id=call, name="read", input={"path": f"f{number}.py"}),
            ToolResult(call_id=call, status="completed", output=f"content {number} " + "y" * 200),
            AgentMessage(text=f"answer {number}: " + "so " * 40),
        ]
    return made


def events_of(home: Workspace, session: str, *kinds: str) -> list[Event]:
    return home.read(lambda queries: queries.events(session, kinds=kinds or None))


def compactions(home: Workspace, session: str) -> list[Compaction]:
    return [event.body for event in events_of(home, session, "compaction") if isinstance(event.body, Compaction)]


def test_all_of_a_long_session_is_told_when_it_fits(home: Workspace) -> None:
    bodies = [UserMessage(text=f"p{n}") if n % 2 == 0 else AgentMessage(text=f"a{n}") for n in range(4_400)]
    session = session_of(home, bodies)
    made = ask(home, session, "Now?", [Reply(text="Yes.")], window=200_000)
    assert made.told[1:] == [*(body.text for body in bodies), "Now?"]
    assert compactions(home, session) == []


def test_older_turns_are_summed_up_by_the_model_once(home: Workspace) -> None:
    session = session_of(home, long_talk(30))
    made = ask(home, session, "And now?", [Reply(text="Done.")])
    [compaction] = compactions(home, session)
    told = made.told
    assert compaction.text and told[1] == f"[What happened before, in short:]\n{compaction.text}"
    assert told[-1] == "And now?"
    ids = [event.id for event in events_of(home, session)]
    stored = {event.id: event.body for event in events_of(home, session)}
    assert compaction.first == ids[0] and compaction.last in ids
    covered = [stored[one] for one in ids[: ids.index(compaction.last) + 1]]
    kept = [stored[one] for one in ids[ids.index(compaction.last) + 1 :]]
    summed_up = "\n".join(made.summaries)
    said = "\n".join(told)
    for bodies, here, gone in ((covered, summed_up, said), (kept, said, summed_up)):
        for body in bodies:
            if isinstance(body, UserMessage | AgentMessage) and body.text not in ("And now?", "Done."):
                assert body.text.strip() in here and body.text.strip() not in gone
    assert sum(estimate(text) for text in told) <= WINDOW * 3 // 5


def test_a_summary_is_visible_and_used_again(home: Workspace) -> None:
    session = session_of(home, long_talk(30))
    ask(home, session, "And now?", [Reply(text="The record.")])
    again = ask(home, session, "Once more?", [Reply(text="Yes.")])
    assert again.summaries == []
    assert again.told[1] == "[What happened before, in short:]\nThe record."
    assert again.told[-3:] == ["And now?", "The record.", "Once more?"]
    assert len(compactions(home, session)) == 1
    row = home.read(lambda queries: queries.session(session))
    assert "**Compaction**\n\nThe record." in "".join(session_markdown(row, events_of(home, session)))
    assert home.read(lambda queries: queries.search("record"))


def test_summaries_are_chained(home: Workspace) -> None:
    session = session_of(home, long_talk(30))
    ask(home, session, "And now?", [Reply(text="First record.")])
    add(home, session, long_talk(30, 30))
    made = ask(home, session, "And then?", [Reply(text="Second record.")])
    first, second = compactions(home, session)
    assert made.summaries[0].startswith("The record so far:\nFirst record.")
    assert made.told[1] == "[What happened before, in short:]\nSecond record."
    assert first.first == second.first and first.last and second.last and first.last < second.last
    summed_up = "\n".join(made.summaries)
    assert "question 0:" not in summed_up and "question 31:" in summed_up
    assert not any("First record." in text for text in made.told)
    last = ask(home, session, "Still?", [Reply(text="Yes.")])
    assert last.told[1] == "[What happened before, in short:]\nSecond record." and last.summaries == []


def test_a_fork_before_a_compaction_is_told_everything_again(home: Workspace) -> None:
    session = session_of(home, long_talk(12))
    ids = [event.id for event in events_of(home, session)]
    ask(home, session, "And now?", [Reply(text="The record.")], window=2_500)
    assert compactions(home, session)
    before = home.write(lambda operations: operations.fork(session, ids[-1]))
    after = home.write(lambda operations: operations.fork(session))
    told = ask(home, before, "Here?", [Reply(text="Yes.")], window=50_000).told
    assert told[1].startswith("question 0:") and told[-1] == "Here?"
    told = ask(home, after, "There?", [Reply(text="Yes.")], window=50_000).told
    assert told[1] == "[What happened before, in short:]\nThe record."


@pytest.mark.parametrize("fault", [Reply(status=500), Reply(text=""), Reply(text="Half", fault="dies")])
def test_without_a_summary_a_digest_stands_in(home: Workspace, fault: Reply) -> None:
    work: list[AnyBody] = [
        UserMessage(text="Make it fast. " + "please " * 100),
        Command(call_id="k", command="make test"),
        CommandResult(call_id="k", exit_code=2),
        FileChange(path="fast.py", added=3, removed=1, call_id="k"),
        PermissionRequest(request_id="r", call_id="k", name="run", title="Run rm"),
        PermissionAnswer(request_id="r", answer="reject"),
    ]
    session = session_of(home, [*work, *long_talk(30)])
    # The client tries a server error twice, and an empty answer several times.
    tries = {500: 2}.get(fault.status, 4 if not fault.text else 1)
    made = ask(home, session, "And now?", [*[fault] * tries, Reply(text="I go on.")])
    assert made.error is None
    [compaction] = compactions(home, session)
    for text in ("Make it fast.", "make test: exit code 2", "fast.py +3 -1", "Run rm: reject"):
        assert text in compaction.text
    assert made.told[1] == f"[What happened before, in short:]\n{compaction.text}"
    assert sum(estimate(text) for text in made.told) <= WINDOW * 3 // 5
    kinds = [event.kind for event in events_of(home, session)]
    assert kinds.index("compaction") > kinds.index("agent_message")


def test_a_digest_is_not_recorded_when_the_server_is_away(home: Workspace) -> None:
    session = session_of(home, long_talk(30))
    made = ask(home, session, "And now?", [Reply(status=503)])
    assert made.error is not None
    assert compactions(home, session) == []
    assert events_of(home, session)[-1].kind == "notice"


def test_a_window_smaller_than_believed_is_found_out(home: Workspace) -> None:
    session = session_of(home, long_talk(30))
    full = Reply(status=400, message="This model's maximum context length is 4096 tokens. context_length_exceeded")
    made = ask(home, session, "And now?", [full, Reply(text="Well.")], window=16_000)
    assert made.error is None, made.error
    sizes = [sum(estimate(text) for text in _texts(one)) for one in made.requests]
    assert sizes[0] > 4_096 and max(sizes[1:]) < sizes[0]
    assert made.told[-1] == "And now?"
    assert len(compactions(home, session)) == 1


def test_going_on_after_a_cancelled_turn(home: Workspace) -> None:
    session = session_of(
        home,
        [
            UserMessage(text="Build it."),
            ToolCall(call_id="1", name="run", input={"command": "make"}),
            AgentMessage(text="I have begun", interrupted=True),
        ],
    )
    told = ask(home, session, "Go on.", [Reply(text="Yes.")]).told
    assert told[1:] == [
        "Build it.",
        "(Used run: No result: the turn was interrupted.)\n\nI have begun\n[This answer was interrupted.]",
        "Go on.",
    ]


def test_the_state_of_the_work_is_told(home: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "kept.py").write_text("a\n")
    (folder / "other.py").write_text("mine\n")
    names = ("kept.py", "other.py", "gone.py")
    blobs = {name: home.write(lambda ops, n=name: ops.put_blob(b"a\n", name=n)) for name in names}
    plan = Plan(entries=(PlanEntry(text="one", status="completed"), PlanEntry(text="two", status="in_progress")))
    changes = [FileChange(path=name, after=blobs[name], added=1, call_id="1") for name in names]
    session = session_of(home, [UserMessage(text="x"), plan, *changes, Plan(entries=plan.entries[1:])])
    told = ask(home, session, "Go on.", [Reply(text="Yes.")], folders=[folder], window=20_000).told[0]
    assert "session 'The work'" in told and "Folders: project" in told
    assert "[in progress] two" in told and "[done] one" not in told
    assert "- kept.py: as the session left it" in told
    assert "- other.py: changed since\n" in told and "-a\n+mine" in told
    assert "- gone.py: not there any more" in told
    assert str(tmp_path) not in told
    without_tools = ask(home, session, "Go on.", [Reply(text="Yes.")]).told[0]
    assert "- other.py\n" in without_tools and "mine" not in without_tools


def test_nothing_is_said_of_a_new_session_or_a_finished_plan(home: Workspace) -> None:
    session = home.write(lambda operations: operations.create(title="New"))
    assert "how its work stands" not in ask(home, session, "Hi", [Reply(text="Yes.")]).told[0]
    done = Plan(entries=(PlanEntry(text="one", status="completed"),))
    session = session_of(home, [UserMessage(text="x"), done])
    assert "plan" not in ask(home, session, "Hi", [Reply(text="Yes.")]).told[0]


def test_what_other_sessions_came_to_is_told(home: Workspace) -> None:
    other = session_of(home, [UserMessage(text="y"), Conclusion(text="It is 42.", outcome="completed")])
    elsewhere = home.write(lambda ops: ops.inside(ops.create_workspace("Secret")).create(title="Hidden"))
    add(home, elsewhere, [Conclusion(text="A secret.", outcome="completed")])
    session = session_of(
        home,
        [
            UserMessage(text="x"),
            Reference(target=other, text="see there"),
            Reference(target=elsewhere),
            ToolCall(call_id="t", name="task", input={}),
            ToolResult(call_id="t", status="completed", output="started"),
        ],
    )
    child = session_of(home, [AgentMessage(text="The child found it.")])
    parent = SessionSet(fields={"parent": {"session": session, "call_id": "t"}})
    add(home, child, [parent])
    told = "\n".join(ask(home, session, "Go on.", [Reply(text="Yes.")]).told)
    assert "It is 42." in told and "The child found it." in told and "A secret." not in told


def test_what_others_wrote_is_attributed(home: Workspace) -> None:
    session = session_of(home, [UserMessage(text="mine")])
    add(home, session, [AgentMessage(text="by another agent")], agent="claude")
    counter = len(events_of(home, session)) + 5
    home.write(lambda ops: ops.restore_events(session, [foreign(counter, UserMessage(text="do as I say"))]))
    told = ask(home, session, "Go on.", [Reply(text="Yes.")]).told
    assert told[1:] == ["mine", "[The agent claude said:]\nby another agent", "[Eve wrote:]\ndo as I say", "Go on."]
    assert "label" in told[0]


def test_a_script_goes_on_where_it_was_after_a_compaction(home: Workspace) -> None:
    session = session_of(home, [UserMessage(text=f"p{n}") for n in range(4)])
    ids = [event.id for event in events_of(home, session, "user_message")]
    add(home, session, [Compaction(text="in short", first=ids[0], last=ids[2])])
    script = parse_script(json.dumps([[{"say": f"turn {n}"}] for n in range(9)]).encode(), "test")
    run(one_turn(home, session, ScriptedBackend(script), "go"))
    last = events_of(home, session, "agent_message")[-1].body
    assert isinstance(last, AgentMessage) and last.text == "turn 4"


def test_answers_in_covered_turns_still_count(home: Workspace) -> None:
    request = PermissionRequest(request_id="r", call_id="k", name="write", title="Write", tool_kind="edit")
    session = session_of(home, [UserMessage(text="x"), request, PermissionAnswer(request_id="r", answer="always")])
    last = events_of(home, session)[-1].id
    add(home, session, [Compaction(text="in short", last=last)])
    past = home.read(lambda queries: read_past(queries, session))
    assert [event.kind for event in past.events] == ["compaction"]
    recorder = StoreRecorder(home, session, agent="model", clock=home.clock)
    context = session_context(home, past, recorder, Asking(refuse), folders=(), policy=Policy())
    assert context.policy.granted == {"tool write"}
