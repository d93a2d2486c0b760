"""Jobs and claims: who may do what in which state, and never two processes at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.errors import UserError
from app.sessions.events import Conclusion, Draft, Plan, PlanEntry
from app.sessions.jobs import MOST_STARTS, Job, after, current_step, step_words
from app.workspace import Workspace
from tests.helpers.homes import open_home

OUTCOMES = {"complete": "completed", "fail": "failed", "reach_limit": "waiting"}
STATES = ("ready", "paused", "waiting", "ended")


def add(workspace: Workspace) -> str:
    def make(operations):
        session = operations.create(title="Build it", type="agent", agent="a", cwd="/w")
        operations.add_job(session, "Build it", "a", {"steps": 3}, ["/w"])
        return session

    return workspace.write(make)


def job(workspace: Workspace, session: str) -> Job:
    found = workspace.read(lambda queries: queries.job(session))
    assert found is not None
    return found


def conclude(workspace: Workspace, session: str, outcome: str) -> list[str]:
    draft = Draft(body=Conclusion(text="So.", outcome=outcome), time=1)
    return workspace.write(lambda operations: operations.conclude_job(session, [draft], outcome, "More steps."))


@pytest.mark.parametrize("state", STATES)
def test_what_a_process_finds_counts_only_while_nobody_has_said_otherwise(state) -> None:
    for deed in OUTCOMES:
        assert (after(state, deed) is None) == (state != "ready")


def test_a_step_in_words() -> None:
    plan = Plan(
        entries=tuple(
            PlanEntry(text=text, status=status)
            for text, status in (("a", "completed"), ("b", "in_progress"), ("c", "pending"))
        )
    )
    assert current_step(plan) == ("b", 1, 3)
    made = Job(
        session="s", workspace="w", title="", text="", agent="", rules={}, folders=(), state="ready", step="b",
        done=1, steps=3,
    )  # fmt: skip
    assert step_words(made) == "b (2 of 3)"
    assert current_step(Plan(entries=())) == ("", 0, 0)


@pytest.fixture
def processes(tmp_path) -> Iterator[Callable[[], Workspace]]:
    """Opens one home again and again, as so many processes."""
    opened: list[Workspace] = []

    def start() -> Workspace:
        opened.append(open_home(tmp_path / "home"))
        return opened[-1]

    yield start
    for workspace in opened:
        workspace.close()


def test_one_process_at_a_time_and_another_after_its_death(processes) -> None:
    first, second = processes(), processes()
    session = add(first)
    assert first.write(lambda operations: operations.begin_job(session))
    assert not first.write(lambda operations: operations.begin_job(session))
    assert not second.write(lambda operations: operations.begin_job(session))
    assert not second.write(lambda operations: operations.claim(session))
    first.close()  # as the system drops the lock of a process that dies
    assert second.write(lambda operations: operations.begin_job(session))
    assert (job(second, session).starts, job(second, session).process) == (2, second.process)


def test_a_job_whose_process_dies_again_and_again_waits(processes) -> None:
    session = add(processes())
    for _ in range(MOST_STARTS):
        life = processes()
        assert life.write(lambda operations: operations.begin_job(session))
        life.close()
    last = processes()
    assert not last.write(lambda operations: operations.begin_job(session))
    assert (job(last, session).state, job(last, session).process) == ("waiting", None)
    assert last.read(lambda queries: queries.session(session)).status == "waiting"
    last.write(lambda operations: operations.resume([session]))
    assert last.write(lambda operations: operations.begin_job(session))


def test_leaving_in_good_order_does_not_count_as_dying(processes) -> None:
    workspace = processes()
    session = add(workspace)
    for _ in range(2 * MOST_STARTS):
        assert workspace.write(lambda operations: operations.begin_job(session))
        workspace.write(lambda operations: operations.leave_job(session))


def test_stopping_and_taking_over(processes) -> None:
    workspace = processes()
    session, plain = add(workspace), workspace.write(lambda operations: operations.create(title="Plain"))
    workspace.write(lambda operations: operations.begin_job(session))
    workspace.write(lambda operations: operations.stop([session]))
    assert job(workspace, session).state == "ended"
    assert conclude(workspace, session, "completed") == []
    [said] = workspace.read(lambda queries: queries.events(session, kinds=["conclusion"]))
    assert said.body == Conclusion(text="The task was stopped.", outcome="cancelled")
    for wrong in ("stop", "take_over_by_hand"):
        with pytest.raises(UserError):
            workspace.write(lambda operations, deed=wrong: getattr(operations, deed)([plain]))
    workspace.write(lambda operations: operations.take_over_by_hand([session]))
    assert workspace.read(lambda queries: queries.job(session)) is None
    row = workspace.read(lambda queries: queries.session(session))
    assert (row.type, row.status) == ("interactive", "active")


def test_the_trash_pauses_and_purging_forgets(processes) -> None:
    workspace = processes()
    session = add(workspace)
    workspace.write(lambda operations: operations.trash([session]))
    assert workspace.read(lambda queries: queries.open_jobs()) == []
    assert job(workspace, session).state == "paused"
    workspace.write(lambda operations: operations.purge([session]))
    left = workspace.with_engine(lambda engine: engine.connection.execute("SELECT count(*) FROM job").fetchone())
    assert left == (0,)


def test_a_restored_home_lets_nothing_go_on_by_itself(processes) -> None:
    workspace = processes()
    session = add(workspace)
    workspace.write(lambda operations: operations.set_jobs_aside())
    assert not workspace.write(lambda operations: operations.begin_job(session))
    workspace.write(lambda operations: operations.resume([session]))
    assert workspace.write(lambda operations: operations.begin_job(session))


def test_a_failed_or_waiting_task_is_resumed_and_a_completed_one_is_not(processes) -> None:
    workspace = processes()
    for outcome, again in (("failed", True), ("waiting", True), ("completed", False)):
        session = add(workspace)
        workspace.write(lambda operations, session=session: operations.begin_job(session))
        conclude(workspace, session, outcome)
        status = {"status": outcome}
        workspace.write(lambda operations, session=session, status=status: operations.set_fields(session, status))
        workspace.write(lambda operations, session=session: operations.release(session))
        assert job(workspace, session).needs == ("More steps." if outcome == "waiting" else "")
        if again:
            workspace.write(lambda operations, session=session: operations.resume([session]))
            assert (job(workspace, session).state, job(workspace, session).starts) == ("ready", 0)
        else:
            with pytest.raises(UserError):
                workspace.write(lambda operations, session=session: operations.resume([session]))


ACTION = st.one_of(
    st.tuples(st.sampled_from(("begin", "release", "die")), st.integers(0, 1)),
    st.tuples(st.sampled_from(tuple(OUTCOMES)), st.integers(0, 1)),
    st.tuples(st.sampled_from(("pause", "resume", "stop", "answer")), st.integers(0, 1)),
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=st.lists(ACTION, max_size=14))
def test_whatever_people_and_processes_do_a_job_is_run_by_one_and_only_when_it_is_to_be(tmp_path, actions) -> None:
    lives = [open_home(tmp_path / "home") for _ in range(2)]
    try:
        session = add(lives[0])
        _play(tmp_path / "home", lives, session, actions)
    finally:
        for life in lives:
            life.close()


def _play(home: Path, lives: list[Workspace], session: str, actions) -> None:
    state, owner, starts = "ready", None, 0
    for what, who in actions:
        process = lives[who]
        if what == "begin":
            may = state == "ready" and owner is None
            begun = process.write(lambda operations: operations.begin_job(session))
            assert begun == (may and starts < MOST_STARTS)
            if begun:
                owner, starts = who, starts + 1
            elif may:
                state = "waiting"
        elif what == "release":
            process.write(lambda operations: operations.release(session))
            owner = None if owner == who else owner
        elif what == "die":
            process.close()
            lives[who] = open_home(home)
            owner = None if owner == who else owner
        elif what in OUTCOMES:
            if owner == who:
                conclude(process, session, OUTCOMES[what])
                state = after(state, what) or state
        elif what == "answer":
            process.write(lambda operations: operations.go_on_after_answer(session))
            starts = 0 if state == "waiting" else starts
            state = after(state, "answer") or state
        else:
            try:
                process.write(lambda operations, deed=what: getattr(operations, deed)([session]))
            except UserError:
                continue
            state = after(state, what) or state
            starts = 0 if what == "resume" and state == "ready" else starts
        assert job(lives[who], session).state == state
