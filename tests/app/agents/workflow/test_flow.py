"""The order of steps, by itself: a workflow that is cut anywhere and goes on does what it would have done anyway."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.agents.workflow import model
from app.agents.workflow.acting import Result
from app.agents.workflow.flow import Ended, Flow, label
from app.agents.workflow.values import Values
from app.sessions.events import Body


class Cut(Exception):
    """The program has ended."""


class Stand:
    """In place of an actor: outcomes follow from the place of a step. cut: ends after so many actions."""

    def __init__(self, done: dict[str, Result], cut: int | None) -> None:
        self.done = done
        self.cut = cut
        self.acted: list[str] = []

    def _act(self, step: str, said: str) -> Result:
        if step not in self.done:
            if self.cut is not None and len(self.acted) >= self.cut:
                raise Cut
            self.acted.append(step)
            chance = zlib.crc32(f"{step} {said}".encode())
            passed = chance % 4 != 0
            given = {"stdout": f"{chance % 3}", "stderr": "", "exit_code": str(chance % 2), "text": f"{chance % 5}"}
            self.done[step] = Result(passed, {**given, "passed": "true" if passed else "false"}, "it did not")
        return self.done[step]

    async def command(self, step: str, line: str, variables: Mapping[str, str], *_rest: object) -> Result:
        return self._act(step, f"{line} {sorted(variables.items())}")

    async def edit(self, step: str, arguments: Mapping[str, Any]) -> Result:
        return self._act(step, str(sorted(arguments.items())))

    async def prompt(self, step: str, agent: str, text: str, **_rest: object) -> Result:
        return self._act(step, text)

    async def approve(self, step: str, text: str) -> Result:
        return self._act(step, text)

    async def pause(self, step: str, seconds: float) -> None:
        pass

    async def record(self, *bodies: Body) -> None:
        pass

    def apart(self) -> Stand:
        return self

    async def close(self) -> None:
        pass


def play(
    steps: tuple[model.Step, ...], done: dict[str, Result], cut: int | None = None
) -> tuple[str, Values, list[str]]:
    """How it ended, the values then, and what was done."""
    stand, values = Stand(done, cut), Values({"i": "0"})
    end = "done"
    try:
        asyncio.run(Flow(stand, "helper").steps(steps, "", values))  # type: ignore[arg-type]
    except Ended as error:
        end = f"{error.completed} {error}"
    except Cut:
        end = "cut"
    return end, values, stand.acted


templates = st.sampled_from(
    ["x", "${{ vars.v }}", "${{ steps.a.stdout }}", "${{ loop.number }}", "${{ steps.b.text }}"]
)
ids = st.sampled_from(["a", "b", None])
conditions = st.builds(model.Condition, value=templates, equals=st.sampled_from("012")) | st.builds(
    model.Condition, step=st.sampled_from("ab"), passed=st.booleans()
)
tests = conditions | templates | st.builds(model.Condition, negated=conditions)
allow = st.booleans()
retry = st.none() | st.builds(model.Retry, attempts=st.integers(2, 3))
leaves = st.one_of(
    st.builds(model.Run, id=ids, run=templates, allow_failure=allow, retry=retry, save=st.sampled_from(["v", None])),
    st.builds(model.Check, id=ids, check=tests, allow_failure=allow),
    st.builds(model.Prompt, id=ids, prompt=templates, allow_failure=allow, save=st.sampled_from(["v", None])),
    st.builds(model.Edit, edit=templates, content=templates, allow_failure=allow),
    st.builds(model.Approval, id=ids, approval=templates, allow_failure=allow),
    st.builds(model.Set, set=st.dictionaries(st.just("v"), templates, min_size=1)),
    st.builds(model.Finish, finish=templates),
)


def several(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(inner, min_size=1, max_size=3).map(tuple)


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    times, until = st.integers(1, 3), st.none() | tests
    return st.one_of(
        st.builds(model.If, test=tests, then=several(inner), otherwise=several(inner)),
        st.builds(model.Loop, loop=several(inner), times=times, until=until, allow_failure=allow),
        st.builds(model.Loop, loop=several(inner), over=several(templates)),
        st.builds(
            model.Parallel,
            parallel=several(st.builds(model.Branch, steps=several(inner))),
            at_once=st.just(1),
            allow_failure=allow,
        ),
    )


workflows = several(st.recursive(leaves, nested, max_leaves=8))


@settings(max_examples=150, deadline=None)
@given(workflows, st.lists(st.integers(0, 5), max_size=4))
def test_a_workflow_that_is_cut_and_goes_on_does_what_it_would_have(
    steps: tuple[model.Step, ...], cuts: list[int]
) -> None:
    whole = play(steps, {})
    done: dict[str, Result] = {}
    acted: list[str] = []
    for cut in [*cuts, None]:
        end, values, more = play(steps, done, cut)
        acted += more
        if end != "cut":
            break
    assert (end, values, acted) == whole
    assert len(set(acted)) == len(acted)


@settings(max_examples=100, deadline=None)
@given(workflows)
def test_every_step_has_a_short_name_on_one_line(steps: tuple[model.Step, ...]) -> None:
    for step in steps:
        assert 0 < len(label(step)) <= 72
        assert "\n" not in label(step)
