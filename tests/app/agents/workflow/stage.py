"""Where workflows of tests run: a folder, agents with scripts, and what is recorded."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.agents.backend import AgentBackend, Ask, Conversation, SessionContext
from app.agents.permission import GROUPS, Policy
from app.agents.rules import Rules
from app.agents.scripted import ScriptedBackend, parse_script
from app.agents.task import TaskResult
from app.agents.workflow.acting import Surroundings
from app.agents.workflow.journal import Journal, read_journal
from app.agents.workflow.parsing import Parsed, parse_workflow
from app.agents.workflow.runner import WorkflowRun
from app.errors import AgentError
from app.sessions.events import Body, Command, Conclusion, PermissionAnswer, SessionSet, ToolCall
from app.sessions.views import Author, Event
from tests.app.agents.support import MemoryRecorder, bodies, context, run

OWN = "ab" * 32
"""The identity of this person."""


def event(number: int, identity: str, agent: str | None, body: Body) -> Event:
    author = Author(identity=identity, device="d", name="Ada", agent=agent)
    return Event(id=f"{number:026}", session="s", turn="t", time=0, author=author, body=body, row=number)


@dataclass
class Stage:
    """A folder, agents with scripts, and what is recorded, with the agent that each event names."""

    folder: Path
    scripts: dict[str, list[Any]] = field(default_factory=dict)
    ask: Ask | None = None
    rules: Rules = field(default_factory=Rules)
    recorded: list[tuple[str, Body]] = field(default_factory=list)
    heard: list[Any] = field(default_factory=list)
    contexts: list[SessionContext] = field(default_factory=list)

    @property
    def bodies(self) -> list[Body]:
        return [body for _, body in self.recorded]

    def of(self, *kinds: type[Body]) -> list[Any]:
        return bodies(self.bodies, *kinds)

    def recorder(self, agent: str) -> MemoryRecorder:
        stage = self

        class Recorder(MemoryRecorder):
            async def record(self, *made: Body) -> Sequence[str]:
                stage.recorded.extend((agent, body) for body in made)
                return await super().record(*made)

        return Recorder()

    async def start(self, name: str, given: SessionContext) -> tuple[AgentBackend, Conversation]:
        if name not in self.scripts:
            raise AgentError(f"{name} is gone.")
        self.contexts.append(given)
        backend = ScriptedBackend(parse_script(json.dumps(self.scripts[name]).encode(), name), name)
        return backend, await backend.start(given)

    def work(self, text: str, journal: Journal | None = None, **inputs: str) -> WorkflowRun:
        parsed = parse_workflow(text if text.startswith("name:") else f"name: T\nsteps:\n{text}", "w.yaml")
        return self._work(parsed, inputs, journal or Journal())

    def _work(self, parsed: Parsed, inputs: Mapping[str, str], journal: Journal) -> WorkflowRun:
        made = context(self.folder, rules=self.rules, policy=Policy(asks=False, allowed=GROUPS), tools=())
        around = Surroundings(made, self.recorder, self, self.ask, self.heard.append)
        return WorkflowRun(parsed, inputs, "helper", around, journal)

    def done(self, text: str, journal: Journal | None = None, **inputs: str) -> TaskResult:
        """Run steps, or a whole file, to the end."""
        return self._done(self.work(text, journal, **inputs))

    def done_with(self, parsed: Parsed, inputs: Mapping[str, str]) -> TaskResult:
        """Run a file that was read."""
        return self._done(self._work(parsed, inputs, Journal()))

    def _done(self, work: WorkflowRun) -> TaskResult:
        result = run(work.run())
        conclusion = self.of(Conclusion)[-1]
        assert (conclusion.outcome, conclusion.text) == (result.outcome, result.text)
        assert self.of(SessionSet)[-1].fields == {"status": result.outcome}
        return result

    def calls(self, name: str) -> list[ToolCall]:
        """The calls of a name."""
        return [call for call in self.of(ToolCall) if call.name == name]

    def journal(self, identity: str = OWN) -> Journal:
        """What another run reads of what was recorded."""
        events = []
        for number, (agent, body) in enumerate(self.recorded):
            who = None if isinstance(body, PermissionAnswer) else agent
            author = Author(identity=identity, device="d", name="Ada", agent=who)
            events.append(
                Event(id=f"{number:026}", session="s", turn="t", time=0, author=author, body=body, row=number)
            )
        return read_journal(events, OWN)


def commands(stage: Stage) -> list[str]:
    return [command.command for command in stage.of(Command)]
