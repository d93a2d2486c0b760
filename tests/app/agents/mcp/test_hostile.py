"""Servers that crash, hang, flood and lie: one clear sentence, within bounded time, and nothing is left of them."""

from __future__ import annotations

import asyncio
import secrets
import time
from pathlib import Path

import pytest

from app.agents.mcp.config import ServerConfig
from app.agents.mcp.connection import Connection, connect
from app.agents.mcp.explaining import CallError, ServerError
from app.agents.mcp.launch import plan
from app.agents.mcp.limits import Limits
from app.errors import AgentError, UserError
from tests.app.agents.mcp.support import Willing, hostile
from tests.app.agents.support import run

LIMITS = Limits(connect=2, listing=2, call=2, message=4 << 20)


async def opened(mode: str, **env: str) -> Connection:
    return await connect(plan(hostile(mode, **env), secrets=tuple(env.values())), limits=LIMITS)


def call(mode: str, **env: str) -> str:
    """The text of one call."""

    async def work() -> str:
        connection = await opened(mode, **env)
        try:
            return (await connection.call("go", {}, on_progress=lambda *_step: None)).text()
        finally:
            began = time.monotonic()
            await connection.close()
            assert time.monotonic() - began < 1.5

    return run(work(), 20)


def complaint(mode: str, **env: str) -> UserError:
    with pytest.raises(UserError) as raised:
        call(mode, **env)
    return raised.value


def test_a_server_of_last_year_is_understood() -> None:
    assert call("legacy") == "went"


def test_a_greeting_on_the_wrong_stream_is_passed_over() -> None:
    assert call("greets") == "went"


def test_a_server_that_dies_at_start_is_quoted() -> None:
    assert "'hostile' ended with exit code 7. It last said: “no licence”." in str(complaint("dies"))


def test_a_server_that_never_greets_is_given_up() -> None:
    error = complaint("mute")
    assert isinstance(error, ServerError) and error.exit_code == 5
    assert "did not answer within 2 seconds (while connecting)" in str(error)


def test_a_server_that_never_answers_a_call_is_given_up() -> None:
    assert "did not answer within 2 seconds (while calling 'go')" in str(complaint("hang"))


def test_a_server_that_prints_something_else_is_ended() -> None:
    error = str(complaint("garbage"))
    assert "It prints something else than messages" in error
    assert "Server listening on nothing in particular" in error


def test_an_answer_without_end_is_refused() -> None:
    error = complaint("huge")
    assert isinstance(error, ServerError)
    assert "It sent a message of more than 4 MB" in str(error)


def test_a_server_killed_in_the_middle_of_a_message_keeps_its_secret() -> None:
    error = str(complaint("halfway", SECRET="swordfish-1"))
    assert "was ended by signal 9" in error
    assert "killed ‹secret›" in error
    assert "swordfish" not in error


def test_an_answer_of_the_wrong_form_is_told_and_the_server_goes_on() -> None:
    async def work() -> None:
        connection = await opened("wrong")
        try:
            for _ in range(2):
                with pytest.raises(CallError, match="something that the protocol does not know"):
                    await connection.call("go", {})
            assert connection.is_open
        finally:
            await connection.close()

    run(work())


def test_answers_to_questions_nobody_asked_are_dropped() -> None:
    assert call("lies") == "mine"


def test_an_error_of_the_server_is_quoted() -> None:
    error = complaint("refuses")
    assert error.exit_code == 1
    assert "'hostile' says: not today" in str(error)


def test_progress_without_end_is_given_up_and_does_not_stop_other_work() -> None:
    async def work() -> None:
        connection = await opened("progress")
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0.01)
                turns += 1

        counting = asyncio.ensure_future(count())
        try:
            with pytest.raises(ServerError, match="did not answer within 1 seconds"):
                await connection.call("go", {}, on_progress=lambda *_step: None, seconds=1)
        finally:
            counting.cancel()
            await connection.close()
        assert turns > 40

    run(work(), 20)


def test_endless_numbers_are_no_progress() -> None:
    assert call("infinite") == "done"


def test_a_list_without_end_is_cut() -> None:
    async def work() -> int:
        connection = await opened("pages")
        try:
            return len(await connection.tools())
        finally:
            await connection.close()

    assert run(work()) == LIMITS.items


def test_tools_of_the_wrong_form_are_told() -> None:
    async def work() -> None:
        connection = await opened("wrongtools")
        try:
            await connection.tools()
        finally:
            await connection.close()

    with pytest.raises(CallError, match=r"does not know.*listing its tools"):
        run(work())


def test_a_server_that_will_not_end_is_ended_with_its_children_within_a_second() -> None:
    """Leftover processes are looked for after every test; a child in a session of its own is no child of ours."""

    mark = secrets.token_hex(8)

    async def work() -> float:
        connection = await opened("deaf", MARK=mark)
        began = time.monotonic()
        await connection.close()
        return time.monotonic() - began

    assert run(work()) < 1.2
    left = [
        command
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and (command := _command(entry)) and mark.encode() in command
    ]
    assert left == []


def _command(entry: Path) -> bytes:
    try:
        return (entry / "cmdline").read_bytes()
    except OSError:
        return b""


def test_cancelling_while_connecting_leaves_nothing() -> None:
    async def work() -> None:
        connecting = asyncio.ensure_future(opened("mute"))
        await asyncio.sleep(0.2)
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting

    run(work())


@pytest.mark.parametrize(("mode", "answer"), [("elicit", '"name": "Ann"'), ("sample", '"text": "42"')])
def test_what_servers_of_last_year_ask(mode: str, answer: str) -> None:
    async def work(consent: Willing | None) -> str:
        connection = await connect(plan(hostile(mode)), consent=consent, limits=LIMITS)
        try:
            return (await connection.call("go", {})).text()
        finally:
            await connection.close()

    assert answer in run(work(Willing(name="Ann")))
    assert "decline" in run(work(None))


def test_a_program_is_told_the_folders_of_the_workspace(tmp_path: Path) -> None:
    async def work() -> str:
        connection = await connect(plan(hostile("roots")), roots=[tmp_path], limits=LIMITS)
        try:
            return (await connection.call("go", {})).text()
        finally:
            await connection.close()

    assert tmp_path.as_uri() in run(work())


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (ServerConfig(name="x", command="no-such-program"), "there is no program 'no-such-program'"),
        (ServerConfig(name="x", command="sh", cwd="/no/such"), "its folder /no/such is not there"),
        (ServerConfig(name="x", command="sh", args=("${NOWHERE_SET}",)), r"needs a value for \$\{NOWHERE_SET\}"),
        (ServerConfig(name="x", command="sh", env={"T": "${input:token}"}), r"needs a value for \$\{input:token\}"),
    ],
)
def test_what_cannot_be_started_is_told(config: ServerConfig, sentence: str) -> None:
    with pytest.raises(AgentError, match=sentence):
        plan(config)
