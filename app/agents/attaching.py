"""Files and pictures that a person attaches to a prompt: read, kept as payloads, and told to the agent.

What a file is, its first bytes say, not its name. Text is told with the prompt; pictures are shown to models that see;
of everything else the agent learns the name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from app.agents.backend import PromptImage, PromptPart, PromptText
from app.agents.history import cut_middle
from app.errors import UserError
from app.sessions.events import BlobRef, UserMessage

if TYPE_CHECKING:
    from app.sessions.views import Event

MAX_ATTACHMENTS = 20
MAX_BYTES = 20 << 20
"""The largest file that can be attached."""
MAX_IMAGE_BYTES = 5 << 20
"""The largest picture that models take."""
MAX_CHARACTERS = 60_000
"""So much of the texts attached to one prompt is told, shared evenly; what is longer loses its middle."""
BINARY, TEXT = "application/octet-stream", "text/plain"
_IMAGES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
_SNIFFED = 8192


class Payloads(Protocol):
    """What is needed of `app.sessions.queries.Queries`."""

    def find_blob(self, ref: BlobRef) -> bytes | None: ...


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file with the prompt that is being written."""

    name: str
    data: bytes
    media_type: str

    @property
    def is_image(self) -> bool:
        """Whether models that see can look at it."""
        return self.media_type.startswith("image/")


def media_type(data: bytes) -> str:
    """What the bytes are: a picture of a kind that models see, text, or something else."""
    for magic, kind in _IMAGES:
        if data.startswith(magic):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    head = data[:_SNIFFED]
    if b"\0" in head:
        return BINARY
    try:
        head.decode()
    except UnicodeDecodeError as error:
        if len(data) <= _SNIFFED or error.start < _SNIFFED - 4:
            return BINARY
    return TEXT


def attach(name: str, data: bytes) -> Attachment:
    """An attachment of bytes. Raises UserError when there are too many."""
    if len(data) > MAX_BYTES:
        raise UserError(f"{name} is too large to attach: {len(data) >> 20} MB; at most {MAX_BYTES >> 20} MB go.")
    return Attachment(Path(name).name or "file", data, media_type(data))


def read_attachment(path: Path) -> Attachment:
    """A file of this computer. Raises UserError when it is not a readable file of a fitting size."""
    if not path.is_file():
        raise UserError(f"{path} is not a file; only files can be attached.")
    try:
        with path.open("rb") as file:
            return attach(path.name, file.read(MAX_BYTES + 1))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error


def prompt_parts(attachments: Sequence[Attachment]) -> list[PromptPart]:
    """What the agent is told and shown of the attachments."""
    texts = [one for one in attachments if one.media_type == TEXT]
    share = MAX_CHARACTERS // max(len(texts), 1)
    parts: list[PromptPart] = []
    for one in attachments:
        if one.is_image and len(one.data) <= MAX_IMAGE_BYTES:
            parts += [PromptText(f"[Attached picture: {one.name}]"), PromptImage(one.data, one.media_type)]
        else:
            parts.append(PromptText(_told(one, share)))
    return parts


def with_attachments_told(queries: Payloads, events: Sequence[Event]) -> list[Event]:
    """Events of the past with the texts that were attached to prompts written out; names stand for the rest."""
    return [_with_texts(queries, event) for event in events]


def _with_texts(queries: Payloads, event: Event) -> Event:
    body = event.body
    if not isinstance(body, UserMessage) or not body.attachments:
        return event
    found = [(ref, queries.find_blob(ref)) for ref in body.attachments if ref.media_type == TEXT]
    texts = [Attachment(ref.name or "file", data, TEXT) for ref, data in found if data is not None]
    share = MAX_CHARACTERS // max(len(texts), 1)
    told = "\n\n".join([body.text, *(_told(one, share) for one in texts)])
    rest = tuple(ref for ref in body.attachments if ref.media_type != TEXT)
    changed = msgspec.structs.replace(body, text=told, attachments=rest)
    return msgspec.structs.replace(event, body=changed)


def _told(one: Attachment, limit: int) -> str:
    if one.media_type != TEXT:
        return f"[Attached: {one.name}, {len(one.data):,} bytes, {one.media_type}]"
    text = cut_middle(one.data.decode(errors="replace"), limit)
    return f"[Attached file: {one.name}]\n{text}\n[End of {one.name}]"
