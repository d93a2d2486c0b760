"""Following gives the rows of ordinary imports, however a transcript is cut up, cut off, replaced or moved away."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.importers.detect import recognise_file
from app.importers.following import follower
from tests.app.importers.following.support import Followed, SharedMemory, import_into
from tests.app.importers.transcripts import FIXTURES, Talk

_FILES = [path.read_bytes() for path in sorted(FIXTURES.rglob("*.jsonl"))]


def _talk() -> bytes:
    """Everything that is remembered from line to line: rewinds, side chains, usage that grows, titles, odd text."""
    talk = Talk()
    talk.prompt("u1", "Grüße 🦋 ≠")
    for tokens, stop in ((1, None), (9, "tool_use")):
        message = {
            "id": "m1",
            "role": "assistant",
            "model": "m",
            "stop_reason": stop,
            "usage": {"output_tokens": tokens},
        }
        message["content"] = [{"type": "tool_use", "id": f"t{tokens}", "name": "Task", "input": {"prompt": "go"}}]
        talk.add("assistant", f"a{tokens}", message=message)
    talk.prompt("x1", "go", parent=None, isSidechain=True)
    talk.result("r1", "t1", "done ✓", parent="a9")
    talk.prompt("u2")
    talk.answer("b2")
    talk.prompt("u3", parent="r1")
    others = [
        {"type": "ai-title", "aiTitle": "Ein Titel — später", "sessionId": "s1"},
        {"type": "summary", "summary": "Kurz", "leafUuid": "u3"},
    ]
    records = [*talk.records[:4], others[0], *talk.records[4:], others[1]]
    lines = [json.dumps(record, ensure_ascii=False).encode() for record in records]
    return b"\n".join([*lines[:5], b"42", b'{"broken', b"\xff\xfe", b"", *lines[5:]]) + b"\n"


_FILES.append(_talk())
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.floats(0, 1)),
        st.tuples(st.just("append bytes"), st.integers(1, 40)),
        st.tuples(st.sampled_from(["settle", "restart", "kill"]), st.just(0)),
        st.tuples(
            st.sampled_from(["truncate", "rewrite", "replace", "rotate", "delete"]), st.integers(0, len(_FILES) - 1)
        ),
    ),
    max_size=14,
)


class _World:
    """One transcript that is written, its follower, and the imports that must give the same."""

    def __init__(self, folder: Path, number: int) -> None:
        self.path = folder / "t.jsonl"
        self.followed = Followed(self.path)
        self.expected = SharedMemory()
        self.data, self.at = _FILES[number], 0
        self.folder = folder
        self.seen = b""

    def append(self, size: int) -> None:
        with self.path.open("ab") as file:
            file.write(self.data[self.at : self.at + size])
        self.at += size
        self.followed.look()
        self.seen = self.data[: self.at]

    def settle(self) -> None:
        self.followed.settle()
        self._import(self.seen[: self.seen.rfind(b"\n") + 1])

    def restart(self) -> None:
        """The follower ends, and another one goes on; between the two nobody looks."""
        self.followed.finish()
        self._import(self.seen)
        self.followed = Followed(self.path, earlier=self.followed)

    def kill(self) -> None:
        """What the follower would have said at the end of the file is left to the next one."""
        self.followed = Followed(self.path, earlier=self.followed)
        self.followed.look()

    def begin(self, how: str, number: int) -> None:
        """Another transcript comes in the place of this one."""
        half, whole = len(_FILES[number]) // 2, self.seen[: self.seen.rfind(b"\n") + 1]
        if how == "rewrite" and _FILES[number][:half].startswith(whole):
            return  # that is to grow
        self._import(self.seen if how == "rotate" else whole)
        self.data, self.at, self.seen = _FILES[number], 0, b""
        if how == "rotate" and self.path.exists():
            self.path.rename(self.folder / "old.jsonl")
        elif how == "replace":
            new = self.folder / "new.jsonl"
            new.write_bytes(b"")
            new.replace(self.path)
        elif how == "delete":
            self.path.unlink(missing_ok=True)
            self.followed.look()
        if how == "rewrite":
            self.append_at_once(half)
            return
        self.path.write_bytes(b"")
        self.followed.look()

    def append_at_once(self, size: int) -> None:
        """The file is never seen shorter than it was."""
        self.path.write_bytes(self.data[:size])
        self.at = size
        self.followed.look()
        self.seen = self.data[:size]

    def finish(self) -> None:
        self.append(len(self.data))
        self.followed.finish()
        self._import(self.data)

    def _import(self, data: bytes) -> None:
        copy = self.folder / "copy"
        copy.write_bytes(data)
        import_into(self.expected, copy, recognise_file(copy) or "claude")


@pytest.fixture(scope="module", autouse=True)
def kept_whenever_possible() -> Iterator[None]:
    """So that runs that are killed were remembered at many different moments."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(follower, "KEEP_EVERY_S", 0.0)
        yield


@settings(max_examples=150)
@example(0, [("append", 1.0), ("rotate", 0)])  # both files end with the same title
@given(st.integers(0, len(_FILES) - 1), _STEPS)
def test_following_gives_the_rows_of_imports(number: int, steps: Sequence[tuple[str, float]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = _World(Path(folder), number)
        for what, value in steps:
            if what == "append":
                world.append(round(value * (len(world.data) - world.at)))
            elif what == "append bytes":
                world.append(int(value))
            elif what == "settle":
                world.settle()
            elif what == "restart":
                world.restart()
            elif what == "kill":
                world.kill()
            else:
                world.begin(what, int(value))
        world.finish()
        assert world.followed.store.rows() == world.expected.rows()


@settings(max_examples=40)
@given(st.integers(0, len(_FILES) - 1), st.lists(st.integers(1, 200), min_size=1, max_size=30))
def test_every_cut_of_the_bytes(number: int, sizes: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = _World(Path(folder), number)
        while world.at < len(world.data):
            world.append(sizes[world.at % len(sizes)] * (1 if world.at < 2_000 else 40))
        world.finish()
        assert world.followed.store.rows() == world.expected.rows()
        assert not [report for report in world.followed.told if "cannot" in report]
