"""Attachments: their bytes say what they are; text is told, pictures are shown, the past knows them."""

from __future__ import annotations

import base64
import json
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.agents.attaching import (
    BINARY,
    MAX_BYTES,
    MAX_CHARACTERS,
    TEXT,
    Attachment,
    attach,
    media_type,
    prompt_parts,
    read_attachment,
    with_attachments_told,
)
from app.agents.backend import PromptImage, PromptText, prompt_text
from app.agents.models import Endpoint, open_compatible
from app.agents.pydantic_backend import ModelBackend
from app.agents.turn import TurnRunner
from app.errors import UserError
from app.sessions.events import BlobRef, UserMessage
from tests.app.agents.support import MemoryRecorder, context, run
from tests.helpers.conversations import event
from tests.helpers.model_server import ModelServer, Reply

PNG = base64.b64decode(
    b"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0rest", "image/jpeg"),
        (b"GIF89a...", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"plain", TEXT),
        (b"", TEXT),
        (("é" * 5000).encode(), TEXT),
        (b"\0\1\2", BINARY),
        (b"\xff\xfe\xfd", BINARY),
        (b"<svg/>", TEXT),
    ],
)
def test_the_bytes_say_what_a_file_is(data: bytes, kind: str) -> None:
    assert media_type(data) == kind


def test_a_picture_that_lies_about_its_type_is_text() -> None:
    assert attach("evil.png", b"<script>").media_type == TEXT


@given(st.text(max_size=200), st.integers(0, 9000))
def test_all_text_is_text_wherever_a_letter_is_cut(text: str, pad: int) -> None:
    data = b"x" * pad + text.replace("\0", "").encode()
    assert media_type(data) in (TEXT, "image/gif")


def test_what_the_agent_is_told() -> None:
    parts = prompt_parts([attach("notes.txt", b"remember"), attach("a.png", PNG), attach("x.bin", b"\0\1")])
    assert [part for part in parts if isinstance(part, PromptImage)] == [PromptImage(PNG, "image/png")]
    told = prompt_text(parts)
    assert "[Attached file: notes.txt]\nremember" in told
    assert "a.png" in told
    assert "x.bin, 2 bytes" in told


def test_long_texts_share_the_room() -> None:
    parts = prompt_parts([Attachment(f"{n}.txt", b"y" * MAX_CHARACTERS, TEXT) for n in range(4)])
    assert sum(len(part.text) for part in parts if isinstance(part, PromptText)) < MAX_CHARACTERS * 1.1


def test_files_that_cannot_be_attached(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a file"):
        read_attachment(tmp_path)
    with pytest.raises(UserError, match="not a file"):
        read_attachment(tmp_path / "gone")
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(UserError, match="too large"):
        read_attachment(large)


class Kept:
    def find_blob(self, ref: BlobRef) -> bytes | None:
        return {"t": b"the words"}.get(ref.blob)


def test_the_past_tells_texts_and_names_the_rest() -> None:
    refs = (
        BlobRef(blob="t", size=9, name="a.txt", media_type=TEXT),
        BlobRef(blob="i", size=9, name="b.png", media_type="image/png"),
        BlobRef(blob="gone", size=9, name="c.txt", media_type=TEXT),
    )
    plain = event(2, UserMessage(text="without"))
    first, second = with_attachments_told(Kept(), [event(1, UserMessage(text="look", attachments=refs)), plain])
    assert isinstance(first.body, UserMessage)
    assert "look" in first.body.text
    assert "the words" in first.body.text
    assert [ref.name for ref in first.body.attachments] == ["b.png"]
    assert second is plain


def test_a_model_is_shown_the_picture_and_told_the_text(tmp_path: Path) -> None:
    recorder = MemoryRecorder()
    sent = run(_what_a_model_gets(tmp_path, recorder, [attach("a.png", PNG), attach("n.txt", b"secret words")]))
    assert base64.b64encode(PNG).decode() in sent
    assert "secret words" in sent
    [said] = [body for body in recorder.bodies if isinstance(body, UserMessage)]
    assert [ref.media_type for ref in said.attachments] == ["image/png", TEXT]


async def _what_a_model_gets(folder: Path, recorder: MemoryRecorder, attached: list[Attachment]) -> str:
    async with ModelServer([Reply(text="I see.")]) as server:
        connect = partial(open_compatible, Endpoint("seer", server.url))
        made = context(folder, keep=recorder.keep)
        conversation = await ModelBackend("seer", "m", connect, server.url).start(made)
        try:
            await TurnRunner(conversation, recorder).run("What is this?", attached=attached)
        finally:
            await conversation.close()
        return json.dumps(server.requests[-1])
