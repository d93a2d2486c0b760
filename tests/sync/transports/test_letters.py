"""Calls through a folder: frames in their order, foreign files, silence, and what is left behind."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sync.errors import TransportError
from sync.testing import seeded_random
from sync.transports import letters
from sync.transports.letters import LetterConnection
from sync.transports.opendal_storage import OpendalStorage, open_storage
from sync.transports.storage_uri import read_uri

FOLDER = "v1/pairing/somewhere/"


async def soon(_seconds: float) -> None:
    await asyncio.sleep(0)


def storage(folder: Path) -> OpendalStorage:
    return open_storage(read_uri(str(folder)))


async def both(box: OpendalStorage, seed: int = 1) -> tuple[LetterConnection, LetterConnection]:
    calling = await letters.call(box, FOLDER, "pair", seeded_random(seed), soon)
    waiting = [one async for one in _first(box, seed)]
    return calling, next(one for one in waiting if one._call == calling._call)


async def _first(box: OpendalStorage, count: int):
    seen = 0
    async for one in letters.calls(box, FOLDER, "pair", soon):
        yield one
        seen += 1
        if seen == count:
            return


def test_frames_arrive_in_their_order_in_both_directions(tmp_path: Path) -> None:
    async def run() -> None:
        calling, waiting = await both(storage(tmp_path))
        for number in range(12):
            await calling.send(b"%d" % number)
            await waiting.send(b"back %d" % number * 100)
        assert [await waiting.receive() for _ in range(12)] == [b"%d" % number for number in range(12)]
        assert [await calling.receive() for _ in range(12)] == [b"back %d" % number * 100 for number in range(12)]
        assert calling.peer == b"" and calling.purpose == "pair"

    asyncio.run(run())


def test_calls_do_not_mix_and_foreign_files_are_skipped(tmp_path: Path) -> None:
    async def run() -> None:
        box = storage(tmp_path)
        first, there = await both(box, 1)
        second, other = await both(box, 2)
        await first.send(b"one")
        await second.send(b"two")
        for name in (".DS_Store", "0123-calling-1-3", "conflicted copy", "a" * 16 + "-calling-x-1"):
            await box.write(FOLDER + name, b"...")
        assert (await there.receive(), await other.receive()) == (b"one", b"two")
        await letters.clear(box, FOLDER)
        assert {listed.name for listed in await box.list(FOLDER)} == {
            ".DS_Store",
            "0123-calling-1-3",
            "conflicted copy",
            "a" * 16 + "-calling-x-1",
        }

    asyncio.run(run())


def test_a_frame_that_is_there_in_part_is_waited_for(tmp_path: Path) -> None:
    async def run() -> None:
        box = storage(tmp_path)
        calling, waiting = await both(box)
        await calling.send(b"whole")
        [path] = [path for path in (tmp_path / FOLDER).iterdir() if path.name.endswith("-1-5")]
        path.write_bytes(b"who")
        receiving = asyncio.ensure_future(waiting.receive())
        for _ in range(20):
            await asyncio.sleep(0.01)
        assert not receiving.done()
        path.write_bytes(b"whole")
        assert await receiving == b"whole"

    asyncio.run(run())


def test_silence_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letters, "SILENT_SECONDS", 2.0)

    async def run() -> None:
        calling, _waiting = await both(storage(tmp_path))
        with pytest.raises(TransportError, match="silent"):
            await calling.receive()
        for wrong in (b"", bytes((16 << 20) + 1)):
            with pytest.raises(TransportError, match="cannot be sent"):
                await calling.send(wrong)

    asyncio.run(run())


def test_only_so_many_calls_are_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letters, "MAX_CALLS", 3)

    async def run() -> int:
        box, found = storage(tmp_path), 0
        for seed in range(5):
            await letters.call(box, FOLDER, "pair", seeded_random(seed), soon)
        rounds = 0

        async def count(_seconds: float) -> None:
            nonlocal rounds
            rounds += 1
            if rounds == 3:
                raise TransportError("enough")

        with pytest.raises(TransportError, match="enough"):
            async for _one in letters.calls(box, FOLDER, "pair", count):
                found += 1
        return found

    assert asyncio.run(run()) == 3
