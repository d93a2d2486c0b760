"""Goes through the steps of a workflow in their order: lists, branches, loops, parallel branches, retries."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from app.agents.limits import LimitReached
from app.agents.workflow.acting import Actor, Result
from app.agents.workflow.model import (
    MAX_ROUNDS,
    Action,
    Approval,
    Check,
    Edit,
    Fail,
    Finish,
    If,
    Loop,
    Parallel,
    Prompt,
    Run,
    Set,
    Step,
    Test,
)
from app.agents.workflow.values import Values, described, evidence, holds
from app.sessions.events import Verification

_TITLE = 72
_EVIDENCE = 2000


class Ended(Exception):
    """A step has ended the workflow before its last one. step: its place. unreachable: an agent could not be used."""

    def __init__(
        self, text: str, *, completed: bool = False, step: Step | None = None, unreachable: bool = False
    ) -> None:
        super().__init__(text)
        self.completed = completed
        self.step = step
        self.unreachable = unreachable


@dataclass(frozen=True, slots=True)
class Flow:
    """Does steps. agent: who answers prompts that name nobody.

    A step's place, such as `3/round 2/1`, is the same each time a workflow goes on; the journal knows it by that.
    """

    actor: Actor
    agent: str

    async def steps(self, steps: Sequence[Step], place: str, values: Values) -> None:
        """Do a list of steps. Raises Ended."""
        for number, step in enumerate(steps, 1):
            await self.step(step, f"{place}{number}", values)

    async def step(self, step: Step, place: str, values: Values) -> None:
        """Do one step and note what it gives. Raises Ended where it fails, or ends the workflow."""
        match step:
            case Run() | Check() | Prompt() | Edit():
                result = await self._tried(step, place, values)
            case Approval(approval=text):
                result = await self.actor.approve(place, values.text(text))
            case Loop():
                result = await self._loop(step, place, values)
            case Parallel():
                result = await self._parallel(step, place, values)
            case _:
                await self._control(step, place, values)
                return
        if step.id is not None:
            values.steps[step.id] = result.given
        if isinstance(step, Run | Prompt) and step.save is not None:
            values.variables[step.save] = result.given["stdout" if isinstance(step, Run) else "text"]
        if not result.passed and not step.allow_failure:
            raise Ended(result.why, step=step, unreachable=result.unreachable)

    async def _control(self, step: Step, place: str, values: Values) -> None:
        match step:
            case Set():
                values.variables |= {name: values.text(text) for name, text in step.set.items()}
            case If():
                held = await self._holds(step.test, place, values)
                chosen, name = (step.then, "then") if held else (step.otherwise, "else")
                await self.steps(chosen, f"{place}/{name} ", values)
            case Finish(finish=text):
                raise Ended(values.text(text).strip(), completed=True)
            case Fail(fail=text):
                raise Ended(values.text(text).strip())

    async def _holds(self, test: Test, place: str, values: Values) -> bool:
        async def command(text: str, below: str) -> bool:
            line = values.command(text)
            result = await self.actor.command(f"{place}/test{below}", line.line, line.variables, None, None)
            return result.passed

        return await holds(test, values, command)

    # actions

    async def _tried(self, step: Action, place: str, values: Values) -> Result:
        """An action, tried as often as it says."""
        attempts = step.retry.attempts if step.retry else 1
        for attempt in range(1, attempts + 1):
            where = place if attempts == 1 else f"{place}/try {attempt}"
            if attempt > 1 and step.retry is not None:
                await self.actor.pause(where, step.retry.delay)
            result = await self._action(step, where, values)
            if result.passed:
                break
        return result

    async def _action(self, step: Action, place: str, values: Values) -> Result:
        match step:
            case Run():
                line = values.command(step.run)
                folder = None if step.folder is None else values.text(step.folder)
                return await self.actor.command(place, line.line, line.variables, folder, step.timeout)
            case Check():
                return await self._check(step, place, values)
            case Prompt():
                return await self.actor.prompt(
                    place,
                    step.agent or self.agent,
                    values.text(step.prompt),
                    tools=step.tools,
                    fresh=step.fresh,
                    seconds=step.timeout,
                )
            case Edit():
                return await self.actor.edit(place, _edit_arguments(step, values))
        raise AssertionError(step)

    async def _check(self, step: Check, place: str, values: Values) -> Result:
        if isinstance(step.check, str):
            line = values.command(step.check)
            result = await self.actor.command(place, line.line, line.variables, None, step.timeout)
            seen = (result.given["stderr"] or result.given["stdout"]).strip() or result.why
        else:
            passed = await self._holds(step.check, place, values)
            result, seen = Result(passed, {"passed": "true" if passed else "false"}), evidence(step.check, values)
        what = step.title or described(step.check)
        await self.actor.record(Verification(what=what, passed=result.passed, evidence=seen[-_EVIDENCE:]))
        why = values.text(step.reason).strip() if step.reason else seen
        return Result(result.passed, result.given, why)

    # loops and branches

    async def _loop(self, step: Loop, place: str, values: Values) -> Result:
        items = _items(step, values)
        rounds = len(items) if items is not None else step.times or MAX_ROUNDS
        if step.times is not None:
            rounds = min(rounds, step.times)
        done, reached = 0, False
        for number in range(1, rounds + 1):
            inside = values.round(items[number - 1] if items is not None else "", number)
            await self.steps(step.loop, f"{place}/round {number}/", inside)
            done = number
            if step.until is not None and await self._holds(step.until, f"{place}/round {number}/until", inside):
                reached = True
                break
        passed = reached or step.until is None
        why = f"after {done} rounds it still does not hold: {described(step.until)}" if step.until is not None else ""
        return Result(passed, {"rounds": str(done), "passed": "true" if passed else "false"}, why)

    async def _parallel(self, step: Parallel, place: str, values: Values) -> Result:
        before = values.apart()
        room = asyncio.Semaphore(step.at_once)
        branches = [values.apart() for _ in step.parallel]
        limits: list[LimitReached] = []

        async def branch(number: int) -> Ended | None:
            async with room:
                try:
                    return await self._branch(step, number, f"{place}/branch {number}/", branches[number - 1])
                except LimitReached as limit:  # such as an approval that is due; the others go on
                    limits.append(limit)
                    return None

        ends = await _all(branch, len(step.parallel))
        if limits:
            raise limits[0]
        for one in branches:
            values.join(one, before)
        failed = [(number, end) for number, end in enumerate(ends, 1) if end is not None and not end.completed]
        given = {"passed": "false" if failed else "true"}
        finished = next((end for end in ends if end is not None and end.completed), None)
        if not failed and finished is not None:
            raise finished
        said = [f"{step.parallel[number - 1].title or f'branch {number}'}: {end}" for number, end in failed]
        return Result(not failed, given, "; ".join(said), any(end.unreachable for _, end in failed))

    async def _branch(self, step: Parallel, number: int, place: str, values: Values) -> Ended | None:
        actor = self.actor.apart()
        try:
            await Flow(actor, self.agent).steps(step.parallel[number - 1].steps, place, values)
        except Ended as end:
            return end if end.step is None else Ended(f"{label(end.step)}: {end}", unreachable=end.unreachable)
        finally:
            await actor.close()
        return None


async def _all(work: Callable[[int], Coroutine[Any, Any, Ended | None]], count: int) -> list[Ended | None]:
    """All of them at the same time; what one raises ends the others."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work(number)) for number in range(1, count + 1)]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from errors
    return [task.result() for task in tasks]


def _items(step: Loop, values: Values) -> list[str] | None:
    if step.over is None:
        return None
    if isinstance(step.over, str):
        lines = (line.strip() for line in values.text(step.over).splitlines())
        return [line for line in lines if line][:MAX_ROUNDS]
    return [values.text(item) for item in step.over]


def _edit_arguments(step: Edit, values: Values) -> dict[str, object]:
    texts = {name: getattr(step, name) for name in ("content", "replace", "to", "insert", "before", "after", "patch")}
    given: dict[str, object] = {name: values.text(text) for name, text in texts.items() if text is not None}
    given |= {"all": True} if step.every else {}
    given |= {"line": step.line} if step.line is not None else {}
    return {"path": values.text(step.edit), **given}


def label(step: Step) -> str:
    """What people see of a step."""
    if step.title is not None:
        return step.title
    match step:
        case Run(run=text):
            said = f"Run {text}"
        case Check(check=test):
            said = f"Check: {described(test)}"
        case Prompt(prompt=text, agent=agent):
            said = f"Ask {agent}: {text}" if agent else f"Ask: {text}"
        case Edit(edit=path):
            said = f"Edit {path}"
        case Approval(approval=text):
            said = f"Approval: {text}"
        case Set():
            said = f"Set {', '.join(step.set)}"
        case If():
            said = f"If {described(step.test)}"
        case Loop():
            over = "For each item" if step.over is not None else f"Up to {step.times} times"
            said = f"{over}: {', '.join(map(label, step.loop))}"
        case Parallel():
            names = [branch.title or label(branch.steps[0]) for branch in step.parallel]
            said = f"At the same time: {', '.join(names)}"
        case Finish():
            said = "Finish"
        case _:
            said = "Fail"
    line = " ".join(said.split())
    return line if len(line) <= _TITLE else line[: _TITLE - 1] + "…"
