from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai import AsyncOpenAI

from app.agents.backend import TextDelta, Update
from app.agents.local.grammar_model import (
    PROMPT_CHARACTERS,
    REPLY,
    _Done,
    _Needs,
    _without_overview,
    grammar_model,
    offered_tools,
)
from app.agents.models import OpenModel
from app.agents.permission import GROUPS, Policy
from app.agents.pydantic_backend import OVERVIEW, ModelBackend
from app.sessions.events import AgentMessage, ToolCall, ToolResult, UserMessage
from tests.app.agents.support import Past, assert_calls_answered, bodies, collect, context, run
from tests.helpers.model_server import ModelServer, Reply

WRITE = {"tool": "write", "arguments": {"path": "a.py", "content": "print(1)\n"}}
READ = {"tool": "read", "arguments": {"path": "a"}}
RUN = {"tool": "run", "arguments": {"command": "python3 a.py"}}


def talk(answers: list[Any], text: str = "go", **given: Any) -> tuple[list[Update], list[dict[str, Any]]]:
    """One prompt, answered by these JSON values (or raw texts); the updates, and what the server was asked."""

    async def ask() -> tuple[list[Update], list[dict[str, Any]]]:
        replies = [Reply(text=answer if isinstance(answer, str) else json.dumps(answer)) for answer in answers]
        async with ModelServer(replies) as server:

            async def connect() -> OpenModel:
                client = AsyncOpenAI(base_url=server.url, api_key="none", max_retries=0)
                return OpenModel(grammar_model(client, "test"), client.close)

            made = context(policy=Policy(allowed=GROUPS), **given)
            conversation = await ModelBackend("local", "test", connect, "here").start(made)
            updates = await collect(conversation, text)
            await conversation.close()
            return updates, server.requests

    return run(ask())


def said(updates: list[Update], kind: str = "agent_message") -> str:
    return "".join(update.text for update in updates if isinstance(update, TextDelta) and update.kind == kind)


def schema(request: dict[str, Any]) -> Any:
    return request["response_format"]["json_schema"]["schema"]


def allows(request: dict[str, Any], value: Any) -> bool:
    return bool(jsonschema.Draft202012Validator(schema(request)).is_valid(value))


def test_without_tools_it_is_a_plain_chat() -> None:
    updates, requests = talk(["Hello my friend."])
    assert said(updates) == "Hello my friend."
    assert "response_format" not in requests[0]


def needs(kind: str) -> dict[str, str]:
    return {"kind": kind}


def test_a_reply_comes_after_what_was_asked_for(tmp_path: Path) -> None:
    updates, requests = talk([needs("change and run"), WRITE, RUN, {"reply": "It prints 1."}], folder=tmp_path)
    assert_calls_answered(updates)
    assert [result.output for result in bodies(updates, ToolResult)][1] == "exit code 0\nstdout:\n1\n"
    assert said(updates) == "It prints 1."
    assert [allows(request, WRITE) for request in requests] == [False, True, False, True]
    assert [allows(request, RUN) for request in requests] == [False, False, True, True]
    assert [allows(request, {"reply": "x"}) for request in requests] == [False, False, False, True]
    assert "The request was: go" in requests[2]["messages"][-1]["content"]


def test_a_question_is_answered_without_any_tool(tmp_path: Path) -> None:
    updates, requests = talk([needs("answer"), {"reply": "Hello."}], folder=tmp_path)
    assert (said(updates), len(requests)) == ("Hello.", 2)
    assert not any(allows(requests[1], step) for step in (WRITE, RUN, READ))


def test_a_question_about_files_looks_before_it_is_answered(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("content")
    updates, requests = talk([needs("look"), READ, {"reply": "It says content."}], folder=tmp_path)
    assert said(updates) == "It says content."
    assert [allows(request, READ) for request in requests] == [False, True, True]
    assert [allows(request, {"reply": "x"}) for request in requests] == [False, False, True]
    assert not allows(requests[1], WRITE)


def test_after_a_failure_it_may_put_things_right(tmp_path: Path) -> None:
    _, requests = talk(
        [needs("change and run"), WRITE, RUN | {"arguments": {"command": "false"}}, {"reply": "x"}], folder=tmp_path
    )
    assert allows(requests[3], WRITE)
    assert "TOOL RESULT run:\nfailed: exit code 1" in requests[3]["messages"][-1]["content"]


def test_a_command_without_end_is_broken_off(tmp_path: Path) -> None:
    endless = {"tool": "run", "arguments": {"command": "echo again; " * 400}}
    updates, _ = talk([needs("run"), endless, {"reply": "x"}], folder=tmp_path)
    assert "missing required field `command`" in bodies(updates, ToolResult)[0].output
    assert said(updates) == "x"


NAMES = ["list", "read", "search", "write", "edit", "run"]
calls = st.lists(st.builds(_Done, st.sampled_from(NAMES), st.booleans()), max_size=12)


@given(
    look=st.booleans(), change=st.booleans(), commands=st.booleans(), done=calls, names=st.sets(st.sampled_from(NAMES))
)
def test_something_is_always_possible_and_only_what_was_asked_for(
    look: bool, change: bool, commands: bool, done: list[_Done], names: set[str]
) -> None:
    offered = offered_tools(_Needs(look, change, commands), done, sorted(names))
    assert offered
    assert offered <= names | {REPLY}
    assert change or not offered & {"write", "edit"}
    assert commands or "run" not in offered
    assert len(done) < 8 or REPLY in offered


def test_a_reply_is_streamed_out_of_its_json(tmp_path: Path) -> None:
    updates, _ = talk([needs("answer"), {"reply": 'One "two" \n three'}], folder=tmp_path)
    deltas = [update.text for update in updates if isinstance(update, TextDelta)]
    assert len(deltas) > 2
    assert "".join(deltas) == 'One "two" \n three'


@pytest.mark.parametrize("answer", ['{"reply": "cut o', '{"reply": "cut o"'])
def test_an_answer_that_was_cut_off_is_kept(tmp_path: Path, answer: str) -> None:
    updates, _ = talk([needs("answer"), answer], folder=tmp_path)
    assert said(updates).strip().startswith("cut")


@pytest.mark.parametrize("answer", ["[1]", '{"kind": 3}', '{"kind": "fly"}', "no json", "{"])
def test_needs_that_are_none_leave_the_reply(tmp_path: Path, answer: str) -> None:
    updates, requests = talk([answer, {"reply": "x"}], folder=tmp_path)
    assert said(updates) == "x"
    assert not allows(requests[1], RUN)


def test_what_is_sent_fits_the_context(tmp_path: Path) -> None:
    history = [
        event
        for n in range(200)
        for event in (
            Past(UserMessage(text=f"question {n} " * 50)),
            Past(ToolCall(call_id=f"{n}", name="read", input={"path": "x"})),
            Past(ToolResult(call_id=f"{n}", status="completed", output="y" * 3000)),
            Past(AgentMessage(text="answer " * 50)),
        )
    ]
    _, requests = talk([needs("answer"), {"reply": "x"}], "the prompt " * 10, folder=tmp_path, history=history)
    for request in requests:
        messages = request["messages"]
        assert sum(len(message["content"]) for message in messages) < PROMPT_CHARACTERS + 3000
        assert messages[0]["role"] == "system"
    assert requests[0]["messages"][-1]["content"].startswith("What happened next:")
    assert requests[-1]["messages"][-1]["content"].startswith("the prompt")


def test_going_in_circles_ends_in_a_reply(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("content")
    updates, requests = talk([needs("run"), *[READ] * 4, {"reply": "I cannot."}], folder=tmp_path)
    assert said(updates) == "I cannot."
    assert not allows(requests[5], READ)


def test_a_question_is_answered_after_a_few_looks() -> None:
    names = ["list", "read", "search", "write", "edit", "run"]
    question = _Needs(look=True)
    listed, read = _Done("list", worked=True), _Done("read", worked=True)
    assert offered_tools(question, [], names) == {"list", "read", "search"}
    assert offered_tools(question, [listed, _Done("read", worked=False)], names) == {"read", "search"}
    assert offered_tools(question, [_Done("search", worked=True)], names) == {"list", "read", "search", REPLY}
    assert offered_tools(question, [listed, read], names) == {"read", REPLY}
    assert offered_tools(question, [listed] * 4, names) == {REPLY}


def test_names_in_the_folder_are_left_out_where_files_are_written() -> None:
    said_before = f"Be good.{OVERVIEW}calc.py, docs/\n\nAnswer with JSON."
    assert _without_overview(said_before) == "Be good.\n\nAnswer with JSON."
    assert _without_overview(f"Be good.{OVERVIEW}calc.py") == "Be good."
    assert _without_overview("Be good.") == "Be good."
