"""Jobs: agent sessions that go on without a terminal or a window, as this device remembers them.

A job is what is needed to begin a task again after its process died: the text, the agent, the rules, the folders, and
its state; what a workflow needs is in its session. The state is also how it is controlled: whoever pauses or stops it
writes that down, and the process that runs it sees the commit and ends its work. A process claims the session while it
runs it; a claim of a dead process counts for nothing, so that a job which is `ready` and not claimed is one to begin,
or to go on with.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from app.sessions.events import Plan

JobKind = Literal["task", "workflow"]
JobState = Literal["ready", "paused", "waiting", "ended"]
"""ready: it runs, or is to be run. paused: set aside by the person. waiting: a person must decide. ended: it has
concluded."""
Deed = Literal["pause", "resume", "stop", "answer", "complete", "fail", "reach_limit"]
"""What people (the first four) and the process that runs it do with a job."""

MOST_STARTS = 5
"""So often a job that dies with its process is begun again before a person is asked."""

_PERSON: Mapping[Deed, Mapping[JobState, JobState]] = {
    "pause": {"ready": "paused", "waiting": "paused", "paused": "paused"},
    "resume": {"ready": "ready", "paused": "ready", "waiting": "ready", "ended": "ready"},
    "stop": {"ready": "ended", "paused": "ended", "waiting": "ended"},
    "answer": {"waiting": "ready"},
}
_PROCESS: Mapping[Deed, JobState] = {"complete": "ended", "fail": "ended", "reach_limit": "waiting"}


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A job as it is stored.

    rules: the JSON of `app.agents.rules.Rules`. step: what is worked on, entry `done` + 1 of `steps` of its plan.
    needs: what a person must decide, '' for nothing. starts: how often a process began with it since the person last
    said so, at `since` (ms); used_ms: how long it has run since then. is_claimed: a process has it, dead or alive.
    """

    session: str
    workspace: str
    title: str
    text: str
    agent: str
    rules: Mapping[str, Any]
    folders: tuple[str, ...]
    state: JobState
    kind: JobKind = "task"
    step: str = ""
    done: int = 0
    steps: int = 0
    needs: str = ""
    starts: int = 0
    used_ms: int = 0
    since: int = 0
    process: str | None = None


def after(state: JobState, deed: Deed) -> JobState | None:
    """The state after a deed; None where it makes no sense.

    What a process finds out counts only while nobody has said otherwise: a job that was paused or stopped stays so.
    """
    if deed in _PROCESS:
        return _PROCESS[deed] if state == "ready" else None
    return _PERSON[deed].get(state)


def current_step(plan: Plan) -> tuple[str, int, int]:
    """What a plan says is worked on, how many of its entries are completed, and how many there are."""
    done = sum(entry.status == "completed" for entry in plan.entries)
    working = [entry.text for entry in plan.entries if entry.status == "in_progress"]
    waiting = [entry.text for entry in plan.entries if entry.status == "pending"]
    return next(iter(working + waiting), ""), done, len(plan.entries)


def step_words(job: Job) -> str:
    """The step of a job in a few words: `Check: pytest (2 of 3)`."""
    if not job.step:
        return ""
    return f"{job.step} ({min(job.done + 1, job.steps)} of {job.steps})" if job.steps > 1 else job.step
