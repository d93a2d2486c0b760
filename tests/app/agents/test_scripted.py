from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.agents.backend import TextDelta, Update
from app.agents.scripted import BUILT_IN, ScriptedBackend, load_script, parse_script
from app.errors import AgentError, UserError
from app.sessions.events import FileChange, Plan, ToolResult, Usage, UserMessage
from tests.app.agents.support import Past, assert_calls_answered, bodies, collect, context, run


def play(script: list[Any], *, prompts: tuple[str, ...] = ("go",), **given: Any) -> list[list[Update]]:
    async def talk() -> list[list[Update]]:
        backend = ScriptedBackend(parse_script(json.dumps(script).encode(), "test"))
        conversation = await backend.start(context(**given))
        return [await collect(conversation, prompt) for prompt in prompts]

    return run(talk())


def said(updates: list[Update], kind: str = "agent_message") -> str:
    return "".join(update.text for update in updates if isinstance(update, TextDelta) and update.kind == kind)


def test_text_is_streamed_word_by_word() -> None:
    (updates,) = play([[{"think": "hm"}, {"say": "two  words, {prompt}!\n"}]], prompts=("friend",))
    assert [update.text for update in updates if isinstance(update, TextDelta)] == [
        "hm", "two  ", "words, ", "friend!\n"
    ]  # fmt: skip
    assert said(updates, "agent_thought") == "hm"


def test_turns_follow_each_other_and_start_over() -> None:
    script = [[{"say": "first"}], [{"say": "second"}]]
    assert [said(turn) for turn in play(script, prompts=("a", "b", "c"))] == ["first", "second", "first"]


def test_a_session_goes_on_where_it_was() -> None:
    history = [Past(UserMessage(text="earlier"))]
    (updates,) = play([[{"say": "first"}], [{"say": "second"}]], history=history)
    assert said(updates) == "second"


def test_tools_are_really_executed(tmp_path: Path) -> None:
    steps = [
        {"tool": "write", "input": {"path": "a.txt", "content": "hello"}},
        {"tool": "run", "input": {"command": "cat a.txt"}},
    ]
    (updates,) = play([steps], folder=tmp_path)
    assert_calls_answered(updates)
    assert bodies(updates, FileChange)[0].path == "a.txt"
    assert bodies(updates, ToolResult)[1].output == "exit code 0\nstdout:\nhello"


def test_plans_usage_and_failure() -> None:
    plan = {"plan": ["x done", "> now", "later"]}
    (updates,) = play([[plan, {"usage": {"input": 3, "output": 4}}, {"delay_ms": 1}]])
    assert [entry.status for entry in bodies(updates, Plan)[0].entries] == ["completed", "in_progress", "pending"]
    assert bodies(updates, Usage) == [Usage(input=3, output=4)]
    with pytest.raises(AgentError, match="the model is gone"):
        play([[{"say": "a"}, {"fail": "the model is gone"}]])


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (b"", "not JSON"),
        (b"{}", "list of turns"),
        (b"[]", "list of turns"),
        (b"[1]", "turn 1: a turn is a list of steps"),
        (b'[[], [{"say": "x"}, {"shout": "x"}]]', "turn 2, step 2: a step is an object with one of say, think"),
        (b'[[{"say": 1}]]', "turn 1, step 1: Expected `str`, got `int`"),
        (b'[[{"say": "x", "tool": "y"}]]', "turn 1, step 1"),
        (b'[[{"tool": "x", "inputs": {}}]]', "unknown field `inputs`"),
        (b'[[{"delay_ms": "soon"}]]', "turn 1, step 1"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_a_wrong_script_is_named(script: bytes, message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse_script(script, "x.json")


@given(script=st.binary(max_size=200) | st.text(alphabet='[]{}",:saytol 1', max_size=80).map(str.encode))
def test_any_bytes_are_a_script_or_a_sentence(script: bytes) -> None:
    try:
        turns = parse_script(script, "x")
    except UserError as error:
        assert str(error).startswith("The script x")
    else:
        assert len(turns) == len(json.loads(script)) > 0


def test_scripts_from_files(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text('[[{"say": "x"}]]')
    assert len(load_script(tmp_path / "s.json")) == 1
    with pytest.raises(UserError, match="cannot be read: No such file"):
        load_script(tmp_path / "none")


def test_the_built_in_script_needs_nothing() -> None:
    assert ScriptedBackend().script == BUILT_IN

    async def talk() -> list[Update]:
        return await collect(await ScriptedBackend().start(context()), "hello")

    assert said(run(talk())).startswith("You said: hello")
