"""Runs a whole workflow in its session, from wherever it stands, to a conclusion."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from app.agents.limits import LimitReached
from app.agents.task import STATUS_AFTER, TaskResult
from app.agents.workflow.acting import Actor, Surroundings
from app.agents.workflow.checking import inner_steps
from app.agents.workflow.flow import Ended, Flow, label
from app.agents.workflow.journal import Journal
from app.agents.workflow.model import Step, Workflow
from app.agents.workflow.parsing import Parsed
from app.agents.workflow.reading import Place
from app.agents.workflow.values import Values
from app.sessions.events import Conclusion, Plan, PlanEntry, SessionSet, Status


class WorkflowRun:
    """One run of a workflow. inputs: all of them. agent: who answers prompts that name nobody."""

    def __init__(
        self, parsed: Parsed, inputs: Mapping[str, str], agent: str, around: Surroundings, journal: Journal
    ) -> None:
        self._parsed = parsed
        self._workflow: Workflow = parsed.required()
        self._values = Values(inputs)
        self._files = around.context.files
        self._actor = Actor(around, self._workflow.rules, journal)
        self._flow = Flow(self._actor, agent)

    async def run(self) -> TaskResult:
        """Do it. What goes wrong ends it with a conclusion; only cancelling the caller is raised again."""
        result = TaskResult("cancelled", "The workflow was interrupted.")
        seconds = self._workflow.rules.seconds
        try:
            async with asyncio.timeout(seconds) as timeout:
                self._actor.clock.limit(timeout)
                result = await self._do()
        except TimeoutError:
            result = TaskResult("waiting", f"The time of {seconds:g} seconds is over; the workflow is not done.")
        finally:
            await asyncio.shield(asyncio.ensure_future(self._conclude(result)))
        return result

    async def _do(self) -> TaskResult:
        await self._actor.record(Status(status="active"), SessionSet(fields={"status": "active"}))
        if self._files is not None:
            await self._files.begin_turn()
        try:
            return await self._steps()
        finally:
            await self._actor.close()
            if self._files is not None:
                await self._files.end_turn()

    async def _steps(self) -> TaskResult:
        given = {name: self._values.text(text) for name, text in self._workflow.vars.items()}
        self._values.variables |= given
        steps = self._workflow.steps
        try:
            for number, step in enumerate(steps):
                await self._actor.record(self._plan(number))
                await self._flow.step(step, str(number + 1), self._values)
        except Ended as end:
            if end.completed:
                await self._actor.record(self._plan(number + 1))
            return self._ended(end)
        except LimitReached as limit:
            return TaskResult("waiting", str(limit))
        await self._actor.record(self._plan(len(steps)))
        count = "The step is" if len(steps) == 1 else f"All {len(steps)} steps are"
        return TaskResult("completed", f"{count} done.")

    def _ended(self, end: Ended) -> TaskResult:
        if end.completed:
            return TaskResult("completed", str(end))
        text = str(end) if end.step is None else self._failure(end.step, str(end))
        return TaskResult("failed", text, unreachable=end.unreachable)

    def _failure(self, step: Step, why: str) -> str:
        line = _lines(self._workflow.steps, "steps", self._parsed.places).get(id(step), 1)
        name = f"'{step.id}'" if step.id is not None and step.title is None else f"'{label(step)}'"
        return f"The step {name} failed ({self._parsed.file}, line {line}): {why.strip()}"

    def _plan(self, current: int) -> Plan:
        entries = []
        for number, step in enumerate(self._workflow.steps):
            status = "completed" if number < current else "in_progress" if number == current else "pending"
            entries.append(PlanEntry(text=label(step), status=status))  # type: ignore[arg-type]
        return Plan(entries=tuple(entries))

    async def _conclude(self, result: TaskResult) -> None:
        status = STATUS_AFTER[result.outcome]
        await self._actor.record(
            Conclusion(text=result.text, outcome=result.outcome),
            Status(status=status),
            SessionSet(fields={"status": status}),
        )


def _lines(steps: Sequence[Step], path: str, places: Mapping[str, Place]) -> dict[int, int]:
    """The line of each step, by the identity of its object."""
    found: dict[int, int] = {}
    for number, step in enumerate(steps, 1):
        place = f"{path}[{number}]"
        found[id(step)] = places.get(place, (1, 1))[0]
        for inner, where in inner_steps(step):
            found |= _lines(inner, f"{place}.{where}", places)
    return found
