"""What running commands print: saved soon, seldom, bounded, and never after the end."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from app.agents.live_output import PIECE_CHARACTERS, LiveOutput, Pieces
from app.sessions.output_operations import KEPT_PIECES
from sync.errors import StoreError
from tests.app.agents.support import run
from tests.helpers.secrets_to_plant import TOKENS


class Kept:
    """A store of pieces."""

    def __init__(self) -> None:
        self.pieces: dict[int, str] = {}
        self.saves: list[Pieces] = []
        self.saved = asyncio.Event()

    async def save(self, _call: str, pieces: Pieces) -> None:
        self.saves.append(pieces)
        self.pieces.update(pieces)
        self.saved.set()

    @property
    def text(self) -> str:
        last = max(self.pieces)
        return "".join(text for number, text in sorted(self.pieces.items()) if number > last - KEPT_PIECES)


def test_a_command_is_known_before_it_prints() -> None:
    async def work() -> None:
        kept = Kept()
        live = LiveOutput(kept.save, 0)
        live.begin("c")
        await kept.saved.wait()
        assert kept.saves == [[(0, "")]]
        assert await live.end("c") == ""

    run(work())


@given(st.lists(st.integers(0, 3 * PIECE_CHARACTERS), max_size=12))
def test_pieces_hold_the_end_of_what_was_printed(lengths: list[int]) -> None:
    async def work() -> None:
        kept = Kept()
        live = LiveOutput(kept.save, 0)
        whole = ""
        for number, length in enumerate(lengths):
            whole += (text := chr(97 + number) * length)
            live.feed("c", text)
            kept.saved.clear()
            await kept.saved.wait()
            assert kept.text == whole[-len(kept.text) :] if kept.text else not whole
            assert len(kept.text) >= min(len(whole), (KEPT_PIECES - 1) * PIECE_CHARACTERS)
            assert all(len(text) <= PIECE_CHARACTERS for text in kept.pieces.values())
        await live.close()

    run(work())


def test_many_small_pieces_are_saved_together_and_nothing_after_the_end() -> None:
    async def work() -> None:
        kept = Kept()
        live = LiveOutput(kept.save, 0.05)
        for number in range(2000):
            live.feed("c", f"{number}\n")
            if number % 100 == 0:
                await asyncio.sleep(0)
        await asyncio.sleep(0.12)
        assert len(kept.saves) <= 5 and kept.text.endswith("1999\n")
        live.feed("c", "late")
        assert (await live.end("c")).endswith("late")
        count = len(kept.saves)
        await asyncio.sleep(0.06)
        assert len(kept.saves) == count

    run(work())


def test_a_store_that_refuses_stops_no_command() -> None:
    async def refuse(_call: str, _pieces: Pieces) -> None:
        raise StoreError("The disk is full.")

    async def work() -> None:
        live = LiveOutput(refuse, 0)
        live.feed("c", "x")
        await asyncio.sleep(0.01)
        live.feed("c", "y")
        assert await live.end("c") == "xy"

    run(work())


def test_a_secret_is_in_no_piece_however_it_is_printed() -> None:
    secret = TOKENS["GitHub token"]

    async def work(step: int) -> None:
        kept = Kept()
        live = LiveOutput(kept.save, 0)
        printed = f"begin\n{'x' * (PIECE_CHARACTERS - 20)}\nTOKEN={secret}\nend "
        for at in range(PIECE_CHARACTERS - 20, len(printed), step):
            live.feed("c", printed[at - (PIECE_CHARACTERS - 20 if at == PIECE_CHARACTERS - 20 else 0) : at + step])
            kept.saved.clear()
            await kept.saved.wait()
        ended = await live.end("c")
        assert all(secret[:8] not in text for pieces in kept.saves for _, text in pieces)
        assert secret[:8] not in ended and ended.endswith("\nTOKEN=‹secret›\nend ")

    for step in (1, 7, 1000):
        run(work(step))
