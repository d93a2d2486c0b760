"""What happened over some time, by agent: what was asked, what failed, what it cost, how it was spent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.sessions.activity import Activity, ActivityBuilder, Span, TouchedFile
from app.sessions.glances import Glance
from app.sessions.views import NamedSession

if TYPE_CHECKING:
    from app.sessions.queries import Queries

MOST_FAILURES, MOST_TOOLS, MOST_FILES = 40, 10, 15
"""So many are named for each agent; the rest is counted."""
BATCH = 2_000
Told = Callable[[int], object]
"""Is told now and then how many events were read; what it raises ends the reading."""


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A session in that time. prompt, event: the first that was asked in it, '' and the first event where nothing was.

    prompts: how many were asked.
    """

    session: str
    title: str
    prompt: str
    event: str
    start: int
    prompts: int
    failed: int
    cost: float | None


@dataclass(frozen=True, slots=True)
class Failure:
    """A tool, command or check that failed. session, event: where."""

    session: str
    title: str
    event: str
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class AgentReview:
    """agent: '' where only people worked. failures: the newest; failed: how many in all. Times are milliseconds.

    tools: (name, calls), the most used first. files: those with most changed lines first; changed: how many in all.
    """

    agent: str
    sessions: tuple[Reviewed, ...]
    failures: tuple[Failure, ...]
    tools: tuple[tuple[str, int], ...]
    files: tuple[TouchedFile, ...]
    changed: int
    prompts: int
    calls: int
    failed: int
    agent_ms: int
    tool_ms: int
    waiting_ms: int
    input: int
    output: int
    cost: float | None


@dataclass(frozen=True, slots=True)
class Review:
    """From `since` to before `until` (ms). agents: those that did most first. events: how many were read."""

    since: int
    until: int
    agents: tuple[AgentReview, ...]
    events: int


def read_review(queries: Queries, since: int, until: int, told: Told) -> Review:
    """The review of the workspace; reads only events of that time."""
    builders, agents, count = collect(queries.glances_between(since, until), told)
    names = queries.named_rows(builders)
    return make_review(since, until, builders, agents, names, count)


def collect(glances: Iterable[Glance], told: Told) -> tuple[dict[int, ActivityBuilder], dict[int, Counter[str]], int]:
    """(activity, how much each agent did, by the row of their session; how many events there were)."""
    builders: dict[int, ActivityBuilder] = {}
    agents: dict[int, Counter[str]] = {}
    count = 0
    for glance in glances:
        count += 1
        if count % BATCH == 0:
            told(count)
        builder = builders.get(glance.session)
        if builder is None:
            builder = builders[glance.session] = ActivityBuilder()
            agents[glance.session] = Counter()
        builder.add((glance,))
        if glance.agent:
            agents[glance.session][glance.agent] += 1
    return builders, agents, count


def make_review(
    since: int,
    until: int,
    builders: Mapping[int, ActivityBuilder],
    agents: Mapping[int, Counter[str]],
    names: Mapping[int, NamedSession],
    count: int,
) -> Review:
    """A session belongs to the agent that did most in it. Pure."""
    by_agent: dict[str, list[tuple[NamedSession, Activity]]] = {}
    for row, builder in builders.items():
        if row in names:
            agent = min(agents[row], key=lambda name: (-agents[row][name], name), default="")
            by_agent.setdefault(agent, []).append((names[row], builder.activity(0, running=False)))
    made = [_agent_review(agent, sessions) for agent, sessions in by_agent.items()]
    made.sort(key=lambda one: (not one.agent, -one.prompts, -one.calls, one.agent))
    return Review(since, until, tuple(made), count)


def _agent_review(agent: str, sessions: list[tuple[NamedSession, Activity]]) -> AgentReview:
    activities = [activity for _, activity in sessions]
    reviewed = sorted((_reviewed(*one) for one in sessions), key=lambda one: (-one.start, one.session))
    failures = [failure for named, activity in sessions for failure in _failures(named, activity)]
    failures.sort(key=lambda timed: timed[0], reverse=True)
    spans = [span for activity in activities for turn in activity.turns for span in turn.spans]
    tools = Counter(span.tool for span in spans if span.tool)
    files = _files(activities)
    costs = [activity.cost for activity in activities if activity.cost is not None]
    return AgentReview(
        agent,
        tuple(reviewed),
        tuple(failure for _, failure in failures[:MOST_FAILURES]),
        tuple(sorted(tools.items(), key=lambda item: (-item[1], item[0]))[:MOST_TOOLS]),
        tuple(files[:MOST_FILES]),
        len(files),
        sum(one.prompts for one in reviewed),
        sum(activity.calls for activity in activities),
        len(failures),
        sum(activity.agent_ms for activity in activities),
        sum(activity.tool_ms for activity in activities),
        sum(activity.waiting_ms for activity in activities),
        sum(activity.input for activity in activities),
        sum(activity.output for activity in activities),
        sum(costs) if costs else None,
    )


def _reviewed(named: NamedSession, activity: Activity) -> Reviewed:
    asked = [turn for turn in activity.turns if turn.prompt]
    first = (asked or list(activity.turns))[0]
    failed = sum(span.status == "failed" for turn in activity.turns for span in turn.spans)
    return Reviewed(named.id, named.title, first.prompt, first.event, first.start, len(asked), failed, activity.cost)


def _failures(named: NamedSession, activity: Activity) -> Iterable[tuple[int, Failure]]:
    failed = (span for turn in activity.turns for span in turn.spans if span.status == "failed")
    return ((span.end, _failure(named, span)) for span in failed)


def _failure(named: NamedSession, span: Span) -> Failure:
    return Failure(named.id, named.title, span.event, span.kind, span.name)


def _files(activities: Iterable[Activity]) -> list[TouchedFile]:
    found: dict[str, TouchedFile] = {}
    for activity in activities:
        for file in activity.files:
            known = found.get(file.path)
            added, removed = (0, 0) if known is None else (known.added, known.removed)
            found[file.path] = TouchedFile(file.path, added + file.added, removed + file.removed, file.event)
    return sorted(found.values(), key=lambda file: (-file.added - file.removed, file.path))
