"""The crossing between the loop and Qt."""

from __future__ import annotations

import asyncio
import threading

import pytest
from pytestqt.qtbot import QtBot

from app.ui.bridge import Bridge, concatenate, last_wins, union


def test_a_result_comes_back_on_the_main_thread(bridge: Bridge, qtbot: QtBot) -> None:
    got: list[tuple[str, bool, bool]] = []

    async def work() -> tuple[str, bool]:
        await asyncio.sleep(0)
        return "done", threading.current_thread() is threading.main_thread()

    bridge.call(work(), lambda r: got.append((*r, threading.current_thread() is threading.main_thread())))
    qtbot.waitUntil(lambda: bool(got))
    assert got == [("done", False, True)]


def test_an_exception_goes_to_its_handler_or_to_everybody(bridge: Bridge, qtbot: QtBot) -> None:
    own: list[BaseException] = []
    common: list[BaseException] = []
    bridge.failed.connect(common.append)

    async def fail(text: str) -> None:
        raise ValueError(text)

    bridge.call(fail("own"), failed=own.append)
    bridge.call(fail("common"))
    qtbot.waitUntil(lambda: bool(own) and bool(common))
    assert [str(error) for error in own + common] == ["own", "common"]


def test_output_is_concatenated_and_snapshots_are_replaced(bridge: Bridge, qtbot: QtBot) -> None:
    text: list[str] = []
    state: list[int] = []
    changed: list[frozenset[int]] = []
    bridge.receive("text", text.append)
    bridge.receive("state", state.append)
    bridge.receive("changed", changed.append)

    async def produce() -> None:
        for number in range(20_000):
            bridge.publish("text", f"{number} ", concatenate)
            bridge.publish("state", number, last_wins)
            bridge.publish("changed", frozenset({number % 7}), union)

    bridge.call(produce())
    qtbot.waitUntil(lambda: bool(state) and state[-1] == 19_999)
    qtbot.waitUntil(lambda: "".join(text).endswith("19999 "))
    assert "".join(text) == "".join(f"{number} " for number in range(20_000))
    assert frozenset().union(*changed) == frozenset(range(7))
    assert len(text) < 2_000


def test_computing_leaves_the_main_thread(bridge: Bridge, qtbot: QtBot) -> None:
    got: list[str] = []
    bridge.compute(lambda: threading.current_thread().name, got.append)
    qtbot.waitUntil(lambda: bool(got))
    assert got != [threading.main_thread().name]


def test_stopping_cancels_what_runs_and_delivers_nothing_more(qtbot: QtBot) -> None:
    bridge = Bridge()
    started, cancelled = threading.Event(), threading.Event()
    late: list[object] = []
    bridge.receive("key", late.append)

    async def forever() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    future = bridge.call(forever(), late.append, late.append)
    bridge.publish("key", 1)
    assert started.wait(5)
    bridge.stop()
    bridge.stop()
    assert cancelled.is_set()
    assert future.cancelled()
    qtbot.wait(50)
    assert late == []


def test_a_call_after_stopping_is_abandoned(qtbot: QtBot) -> None:
    bridge = Bridge()
    bridge.stop()

    async def work() -> None:
        pytest.fail("ran on a stopped loop")

    assert bridge.call(work()).cancelled()


def test_a_task_that_nobody_awaits_is_reported(bridge: Bridge, qtbot: QtBot) -> None:
    seen: list[BaseException] = []
    bridge.failed.connect(seen.append)

    async def lose() -> None:
        bridge.loop.call_exception_handler({"message": "lost", "exception": RuntimeError("lost")})

    bridge.call(lose())
    qtbot.waitUntil(lambda: bool(seen))
    assert str(seen[0]) == "lost"
