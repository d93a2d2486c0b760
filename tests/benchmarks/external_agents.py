"""An external agent: 10,000 updates of a recorded conversation into the store, and what a tool call of it costs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

from tests.benchmarks.figures import Figure, quantile
from tests.benchmarks.place import Place
from tests.helpers.acp_recording import recorded_script
from tests.helpers.external_agents import external_agent

UPDATES, CALLS = 10_000, 300
BAR_RATE, BAR_OVERHEAD_MS = 2_000, 5.0


def run(place: Place) -> Iterator[Figure]:
    """Starts an agent twice: one says what was recorded again and again, one makes calls that do nothing."""
    seconds, events = asyncio.run(_turn(place, "replay", _replayed()))[:2]
    note = f"{UPDATES} updates, {events} events, {seconds:.1f} s"
    yield Figure("updates of an ACP transcript", UPDATES / seconds, "/s", BAR_RATE, at_least=True, note=note)
    taken = asyncio.run(_turn(place, "calls", _calls()))[2]
    overhead = quantile(taken, 0.5) * 1e3
    yield Figure("a tool call, p50", overhead, "ms", BAR_OVERHEAD_MS, note=f"{len(taken)} calls, asked for and allowed")


def _replayed() -> list[dict[str, Any]]:
    """A recorded turn again and again, each time with calls of its own."""
    turn = [step["update"] for step in recorded_script("opencode")["turns"][0] if "update" in step]
    said: list[dict[str, Any]] = []
    while len(said) < UPDATES:
        for update in turn:
            own = {"toolCallId": f"{update['toolCallId']}-{len(said) // len(turn)}"} if "toolCallId" in update else {}
            said.append({"update": {**update, **own}})
    return said[:UPDATES]


def _calls() -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = []
    for number in range(CALLS):
        call = {"toolCallId": f"c{number}", "kind": "edit", "title": "Nothing", "rawInput": {"n": number}}
        steps += [
            {"update": {"sessionUpdate": "tool_call", "status": "pending", **call}},
            {"ask": call},
            {"update": {"sessionUpdate": "tool_call_update", "toolCallId": f"c{number}", "status": "completed"}},
        ]
    return steps


async def _turn(place: Place, name: str, steps: list[dict[str, Any]]) -> tuple[float, int, list[float]]:
    """(seconds of a turn, events it recorded, seconds from each call to its result)"""
    from app.agents.files.watch import FileWatch
    from app.agents.recorder import StoreRecorder
    from app.agents.rules import Rules
    from app.agents.turn import TurnRunner
    from app.sessions.events import ToolCall, ToolResult
    from tests.app.agents.support import context

    folder = place.folder / name
    work = folder / "work"
    work.mkdir(parents=True)
    begun: dict[str, float] = {}
    taken: list[float] = []

    def listen(update: Any) -> None:
        if isinstance(update, ToolCall):
            begun[update.call_id] = perf_counter()
        elif isinstance(update, ToolResult):
            taken.append(perf_counter() - begun.pop(update.call_id))

    with place.opened() as workspace:
        session = await workspace.write_async(lambda operations: operations.create())
        recorder = StoreRecorder(workspace, session, agent="test", clock=workspace.clock)
        files = FileWatch(recorder, (work,))
        made = context(work, files=files, keep=recorder.keep, rules=Rules(steps=UPDATES, repeats=UPDATES))
        conversation = await external_agent(Path(folder), {"turns": [[{"wait": 0.2}, *steps]]}).start(made)
        runner = TurnRunner(conversation, recorder, listener=listen, files=files)
        try:
            started = perf_counter()
            await runner.run("go")
            seconds = perf_counter() - started - 0.2
        finally:
            await conversation.close()
        count = await workspace.read_async(lambda queries: queries.session(session).events)
    return seconds, count, taken
