from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.agents import process
from app.agents.process import BoundedOutput, Finished, run_process
from app.errors import UserError
from tests.app.agents.support import alive, run

ENVIRONMENT = {"PATH": os.environ["PATH"]}


def shell(command: str, folder: Path, timeout: float = 20, seen: list[str] | None = None) -> Finished:
    def on_output(stream: str, text: str) -> None:
        if seen is not None:
            seen.append(text)

    return run(
        run_process(["/bin/sh", "-c", command], cwd=folder, env=ENVIRONMENT, timeout=timeout, on_output=on_output)
    )


def await_pid(path: Path) -> int:
    """The pid that a command wrote; waits for it, bounded."""
    for _ in range(1000):
        if path.exists() and path.read_text().strip():
            return int(path.read_text())
        time.sleep(0.01)
    raise AssertionError("the command did not start")


def hold_the_loop() -> None:
    """Programs go on meanwhile."""
    time.sleep(0.03)


def test_both_streams_and_the_exit_code(tmp_path: Path) -> None:
    seen: list[str] = []
    done = shell("echo out; echo err >&2; exit 3", tmp_path, seen=seen)
    assert (done.exit_code, done.signal, done.stdout, done.stderr) == (3, None, "out\n", "err\n")
    assert (done.ending, done.truncated) == ("ended", False)
    assert sorted(seen) == ["err\n", "out\n"]


def test_a_signal_is_named(tmp_path: Path) -> None:
    done = shell("kill -SEGV $$", tmp_path)
    assert (done.exit_code, done.signal) == (None, "SIGSEGV")


def test_a_command_that_never_ends_is_ended(tmp_path: Path) -> None:
    done = shell("echo before; sleep 1000", tmp_path, timeout=0.2)
    assert (done.ending, done.stdout) == ("timeout", "before\n")
    assert done.signal == "SIGTERM"


def test_a_command_that_ignores_the_signal_is_killed(tmp_path: Path) -> None:
    done = shell("trap '' TERM; while :; do sleep 0.05; done", tmp_path, timeout=0.3)
    assert (done.ending, done.signal) == ("timeout", "SIGKILL")


def test_a_command_that_prints_for_ever_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "FLOOD_BYTES", 8 * 1024 * 1024)
    seen: list[str] = []
    done = shell("yes", tmp_path, seen=seen)
    assert (done.ending, done.truncated) == ("flood", True)
    assert len(done.stdout) < 2 * process.KEPT_BYTES + 100
    assert sum(map(len, seen)) <= 2 * process.KEPT_BYTES
    assert " bytes left out …" in seen[-1]


def test_a_flood_is_told_in_excerpts_that_end_as_it_ends(tmp_path: Path) -> None:
    seen: list[str] = []
    done = shell("yes é | head -c 4000000; echo; echo end", tmp_path, seen=seen)
    assert done.truncated and "".join(seen).endswith("\nend\n")
    assert sum(map(len, seen)) < 2 * process.KEPT_BYTES


def test_half_a_character_at_the_end_is_told(tmp_path: Path) -> None:
    seen: list[str] = []
    shell("printf '\\303'; sleep 0.05; printf '\\251\\303'", tmp_path, seen=seen)
    assert "".join(seen) == "é\ufffd"


def test_merged_streams_keep_their_order(tmp_path: Path) -> None:
    done = run(
        run_process(
            ["/bin/sh", "-c", "echo a >&2; echo b; echo c >&2"],
            cwd=tmp_path,
            env=ENVIRONMENT,
            timeout=None,
            merged=True,
        )
    )
    assert (done.stdout, done.stderr, done.exit_code) == ("a\nb\nc\n", "", 0)


def test_stopped_it_keeps_what_was_printed(tmp_path: Path) -> None:
    async def work() -> Finished:
        stop = asyncio.Event()

        def on_output(_stream: str, _text: str) -> None:
            stop.set()

        script = "trap '' TERM; echo begun; while true; do sleep 0.1; done"
        return await run_process(
            ["/bin/sh", "-c", script], cwd=tmp_path, env=ENVIRONMENT, timeout=60, on_output=on_output, stop=stop
        )

    done = run(work())
    assert (done.ending, done.signal, done.stdout) == ("stopped", "SIGKILL", "begun\n")


def test_a_command_that_wants_a_terminal_does_not_hang(tmp_path: Path) -> None:
    done = shell("read answer; echo got:$answer; cat; exec </dev/tty", tmp_path)
    assert done.ending == "ended"
    assert done.stdout == "got:\n"
    assert done.exit_code != 0


@pytest.mark.skipif(sys.platform != "linux", reason="found through /proc")
@pytest.mark.parametrize("leave", ["sleep 1000 & echo $! > pid", "setsid sleep 1000 & sleep 0.2; pgrep -n sleep > pid"])
def test_children_do_not_survive_their_command(leave: str, tmp_path: Path) -> None:
    done = shell(leave, tmp_path)
    assert done.ending == "ended"
    assert not alive(await_pid(tmp_path / "pid"))


@pytest.mark.skipif(sys.platform != "linux", reason="found through /proc")
def test_cancelling_ends_the_whole_family(tmp_path: Path) -> None:
    script = "sleep 1000 & echo $! > child; setsid sh -c 'echo $$ > stranger; exec sleep 1000' & wait"

    async def cancel_once_started() -> None:
        work = asyncio.ensure_future(run_process(["/bin/sh", "-c", script], cwd=tmp_path, env=ENVIRONMENT, timeout=60))
        child, stranger = await asyncio.gather(
            *(asyncio.to_thread(await_pid, tmp_path / name) for name in ("child", "stranger"))
        )
        started = time.monotonic()
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        assert time.monotonic() - started < 1
        assert not alive(child)
        assert not alive(stranger)

    run(cancel_once_started())


@pytest.mark.skipif(sys.platform != "linux", reason="found through /proc")
@pytest.mark.parametrize("turns", range(8))
def test_cancelling_while_it_starts_ends_the_whole_family(turns: int, tmp_path: Path) -> None:
    """Cancelled after so many turns of the loop, the first of them while asyncio still connects the pipes."""

    async def cancel_soon() -> None:
        script = ["/bin/sh", "-c", "sleep 1000 & echo $! > child; wait"]
        work = asyncio.ensure_future(run_process(script, cwd=tmp_path, env=ENVIRONMENT, timeout=60))
        for _ in range(turns):
            await asyncio.sleep(0)
            hold_the_loop()
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    run(cancel_soon())
    if (tmp_path / "child").exists():
        assert not alive(await_pid(tmp_path / "child"))


def test_a_program_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot be started: No such file"):
        run(run_process(["no-such-program"], cwd=tmp_path, env=ENVIRONMENT, timeout=5))
    with pytest.raises(UserError, match="forbidden character"):
        run(run_process(["echo", "a\0b"], cwd=tmp_path, env=ENVIRONMENT, timeout=5))


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    assert shell(r"printf 'a\377b'", tmp_path).stdout == "a�b"


@given(chunks=st.lists(st.binary(max_size=40)), part=st.integers(1, 30))
def test_the_first_and_the_last_part_are_kept(chunks: list[bytes], part: int) -> None:
    output = BoundedOutput(part)
    for chunk in chunks:
        output.feed(chunk.replace(b"\xff", b"").translate(bytes(n & 127 for n in range(256))))
    whole = b"".join(chunk.replace(b"\xff", b"").translate(bytes(n & 127 for n in range(256))) for chunk in chunks)
    if len(whole) <= 2 * part:
        assert (output.text(), output.truncated) == (whole.decode(), False)
    else:
        assert output.truncated
        assert output.text().startswith(whole[:part].decode())
        assert output.text().endswith(whole[-part:].decode())
        assert f" {len(whole) - 2 * part} bytes left out" in output.text()
