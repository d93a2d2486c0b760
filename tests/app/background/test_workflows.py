"""Workflows as jobs: how they end, wait and go on, and whose word lets them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from app.agents.registry import AgentRegistry
from app.agents.sandbox import bubblewrap_works
from app.agents.task import TaskResult
from app.agents.workflow.journal import Start
from app.agents.workflow.parsing import parse_workflow
from app.agents.workflow.session import begin_workflow, open_workflow, resume_workflow
from app.background.headless import Headless
from app.background.prompts import WaitingPrompts
from app.background.rooms import Rooms
from app.background.running import CALLED_OFF, JobRun
from app.background.starting import has_work
from app.background.workflows import WorkflowWork
from app.errors import UserError
from app.sessions.events import Conclusion, Draft, Notice, PermissionAnswer, PermissionRequest, ToolResult
from app.sessions.jobs import MOST_STARTS, Job
from app.sessions.queries import Queries
from app.workspace import Workspace
from sync.clock import SystemClock
from tests.helpers.homes import open_home

pytestmark = pytest.mark.skipif(not bubblewrap_works(), reason="commands of workflows need bubblewrap")
ASKING = "- run: echo before >> trail\n- approval: Go on\n- run: echo after >> trail"
WAITING = (
    "- run: echo one >> trail\n- run: touch mark; until test -e ready; do sleep 0.05; done\n- run: echo two >> trail"
)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    opened = open_home(tmp_path / "home", clock=SystemClock())
    (tmp_path / "project").mkdir()
    opened.use(opened.write(lambda operations: operations.open_folder(tmp_path / "project")))
    yield opened
    opened.close()


def folder(workspace: Workspace) -> Path:
    return workspace.home.parent / "project"


def add(workspace: Workspace, steps: str) -> str:
    parsed = parse_workflow(f"name: T\nsteps:\n{steps}\n", "t.yaml")
    start = Start(file="t.yaml", source=parsed.source, agent="scripted")
    device = workspace.read(lambda queries: queries.own_device())[1]
    begin = partial(begin_workflow, start=start, workflow=parsed.required(), folder=folder(workspace))
    return workspace.write(partial(begin, device=device, now=workspace.clock.now_ms()))


def job(workspace: Workspace, session: str) -> Job:
    found = workspace.read(lambda queries: queries.job(session))
    assert found is not None
    return found


def bodies(workspace: Workspace, session: str, kind: type[Any]) -> list[Any]:
    events = workspace.read(lambda queries: queries.events(session))
    return [event.body for event in events if isinstance(event.body, kind)]


def status(workspace: Workspace, session: str) -> str:
    return workspace.read(lambda queries: queries.session(session)).status


def do(
    workspace: Workspace,
    session: str,
    seen: Callable[[], object] = lambda: True,
    then: Callable[[JobRun], Any] = lambda run: None,
) -> TaskResult:
    """Run the job of a session; once something is seen, do something."""

    async def play() -> TaskResult:
        with contextlib.closing(AgentRegistry(workspace)) as agents:
            assert await workspace.write_async(lambda operations: operations.begin_job(session))
            run = JobRun(workspace, WorkflowWork(workspace, agents, job(workspace, session)))
            async with asyncio.timeout(30):
                work = asyncio.ensure_future(run.run())
                while not seen():  # noqa: ASYNC110  the run's own commits
                    await asyncio.sleep(0.02)
                waited = then(run)
                if waited is not None:
                    await waited
                return await work

    return asyncio.run(play())


def wait_in_the_middle(workspace: Workspace, then: Callable[[JobRun], Any]) -> str:
    """A workflow that is in its second step when something is done; its session."""
    session = add(workspace, WAITING)
    assert do(workspace, session, (folder(workspace) / "mark").exists, then) == CALLED_OFF
    return session


def answer_elsewhere(workspace: Workspace, session: str, choice: str = "once") -> None:
    """As another device of this person does, whose events come by themselves."""
    [request] = bodies(workspace, session, PermissionRequest)
    draft = Draft(body=PermissionAnswer(request_id=request.request_id, answer=choice), time=1)
    workspace.write(lambda operations: operations.append(session, [draft]))


def test_it_concludes_and_tells_its_steps(workspace: Workspace) -> None:
    session = add(workspace, "- {title: First, run: 'true'}\n- {title: Last, run: echo x > made}")
    assert (job(workspace, session).kind, has_work(workspace)) == ("workflow", True)
    assert do(workspace, session) == TaskResult("completed", "All 2 steps are done.")
    ended = job(workspace, session)
    assert (ended.state, ended.process, ended.done, ended.steps) == ("ended", None, 2, 2)
    assert (status(workspace, session), (folder(workspace) / "made").exists()) == ("completed", True)
    assert not has_work(workspace)


@pytest.mark.parametrize(("choice", "outcome", "trail"), [("once", "completed", 2), ("reject", "failed", 1)])
def test_an_answer_makes_it_ready_again(workspace: Workspace, choice: Any, outcome: str, trail: int) -> None:
    session = add(workspace, ASKING)
    assert do(workspace, session) == TaskResult("waiting", "A person must decide: Go on")
    waiting = job(workspace, session)
    assert (waiting.state, waiting.needs, has_work(workspace)) == ("waiting", "A person must decide: Go on", False)
    [request] = bodies(workspace, session, PermissionRequest)
    workspace.write(lambda operations: operations.answer(session, request.request_id, choice))
    assert has_work(workspace)
    assert do(workspace, session).outcome == outcome
    assert len((folder(workspace) / "trail").read_text().splitlines()) == trail


def test_an_answer_lets_nothing_go_on_that_was_paused(workspace: Workspace) -> None:
    session = add(workspace, ASKING)
    do(workspace, session)
    workspace.write(lambda operations: operations.pause([session]))
    [request] = bodies(workspace, session, PermissionRequest)
    workspace.write(lambda operations: operations.answer(session, request.request_id, "once"))
    assert (job(workspace, session).state, has_work(workspace)) == ("paused", False)


@pytest.mark.parametrize("is_own", [True, False])
def test_only_this_persons_devices_let_it_go_on(workspace: Workspace, monkeypatch: Any, is_own: bool) -> None:
    session = add(workspace, ASKING)
    do(workspace, session)
    _, device = workspace.read(lambda queries: queries.own_device())
    if not is_own:
        monkeypatch.setattr(Queries, "own_device", lambda _self: ("ab" * 32, device))

    async def play() -> None:
        with contextlib.closing(Rooms(workspace)) as rooms:
            watch = asyncio.ensure_future(WaitingPrompts(workspace, Headless(workspace, rooms)).run())
            await asyncio.sleep(0.1)
            await asyncio.to_thread(answer_elsewhere, workspace, session)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(20 if is_own else 0.5):
                    while job(workspace, session).state == "waiting":  # noqa: ASYNC110  another program's commits
                        await asyncio.sleep(0.02)
            watch.cancel()
            await asyncio.wait([watch])

    asyncio.run(play())
    assert job(workspace, session).state == ("ready" if is_own else "waiting")


def test_an_answer_that_comes_before_it_has_ended_counts(workspace: Workspace) -> None:
    slow = "touch mark; until test -e ready; do sleep 0.05; done"
    branches = f"- parallel:\n  - steps: [{{approval: Go on}}]\n  - steps: [{{run: '{slow}'}}]\n"
    session = add(workspace, branches)

    def asked() -> bool:
        return (folder(workspace) / "mark").exists() and bool(bodies(workspace, session, PermissionRequest))

    def answer(_run: JobRun) -> None:
        answer_elsewhere(workspace, session)
        (folder(workspace) / "ready").touch()

    assert do(workspace, session, asked, answer).outcome == "waiting"
    assert job(workspace, session).state == "ready"
    assert do(workspace, session).outcome == "completed"


@pytest.mark.parametrize(("deed", "state"), [("pause", "paused"), ("stop", "ended"), ("take_over_by_hand", None)])
def test_what_a_person_says_ends_it_and_nothing_is_concluded(workspace: Workspace, deed: str, state: Any) -> None:
    def say(run: JobRun) -> Any:
        workspace.write(lambda operations: getattr(operations, deed)([run.job.session]))
        return run.look(others=True)

    session = wait_in_the_middle(workspace, say)
    found = workspace.read(lambda queries: queries.job(session))
    assert (found.state if found else None) == state
    said = [one.text for one in bodies(workspace, session, Conclusion)]
    assert said == (["The workflow was stopped."] if deed == "stop" else [])
    assert bodies(workspace, session, ToolResult)[-1].status == "cancelled"
    assert workspace.write(lambda operations: operations.claim(session))
    workspace.write(lambda operations: operations.release(session))
    row = workspace.read(lambda queries: open_workflow(queries, session))
    workspace.write(lambda operations: resume_workflow(operations, row))
    (folder(workspace) / "ready").touch()
    assert do(workspace, session).outcome == "completed"
    assert (folder(workspace) / "trail").read_text() == "one\ntwo\n"


def test_a_process_that_ends_leaves_it_to_the_next(workspace: Workspace) -> None:
    session = wait_in_the_middle(workspace, lambda run: run.leave())
    assert (job(workspace, session).state, job(workspace, session).starts) == ("ready", 0)
    assert "ran this workflow has ended" in bodies(workspace, session, Notice)[-1].text
    assert (status(workspace, session), bodies(workspace, session, Conclusion)) == ("active", [])
    (folder(workspace) / "ready").touch()
    assert do(workspace, session).outcome == "completed"
    assert (folder(workspace) / "trail").read_text() == "one\ntwo\n"


def test_one_whose_process_dies_again_and_again_waits_for_the_person(workspace: Workspace) -> None:
    session = add(workspace, WAITING)
    for _ in range(MOST_STARTS):
        assert workspace.write(lambda operations: operations.begin_job(session))
        workspace.write(lambda operations: operations.release(session))
    assert not workspace.write(lambda operations: operations.begin_job(session))
    assert job(workspace, session).needs.startswith(f"The workflow was begun {MOST_STARTS} times")
    workspace.write(lambda operations: operations.resume([session]))
    (folder(workspace) / "ready").touch()
    assert do(workspace, session).outcome == "completed"


def test_a_missing_folder_is_said_and_waits(workspace: Workspace) -> None:
    session = add(workspace, ASKING)
    folder(workspace).rmdir()
    result = do(workspace, session)
    assert (result.outcome, "is gone" in result.text) == ("waiting", True)
    assert (job(workspace, session).state, job(workspace, session).needs) == ("waiting", result.text)
    folder(workspace).mkdir()
    workspace.write(lambda operations: operations.resume([session]))
    assert do(workspace, session).text == "A person must decide: Go on"


def test_one_that_is_over_does_not_go_on_and_its_rules_are_those_of_its_file(workspace: Workspace) -> None:
    session = add(workspace, "- run: exit 3")
    with pytest.raises(UserError, match="no task that rules"):
        workspace.write(lambda operations: operations.allow_job(session, {"steps": 9}))
    assert do(workspace, session).outcome == "failed"
    with pytest.raises(UserError, match="is not paused: it has failed"):
        workspace.write(lambda operations: operations.resume([session]))
    with pytest.raises(UserError, match="has failed; run it anew"):
        workspace.read(lambda queries: open_workflow(queries, session))
    assert job(workspace, session).state == "ended"
