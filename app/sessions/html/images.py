"""Attachments: pictures of a few safe formats as part of the page, everything else by name and size."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator

from app.sessions.events import BlobRef
from app.sessions.html.text import escaped, one_line

Find = Callable[[BlobRef], bytes | None]
"""Gives the content of a blob; None when it is not on this device."""

MAX_PICTURE_BYTES = 8 << 20
_SIGNATURES = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"))
_TYPES = ("image/png", "image/jpeg", "image/gif", "image/webp")


def attachment_html(ref: BlobRef, find: Find) -> Iterator[str]:
    """An attachment: a picture where content and type say that it is one."""
    name = escaped(one_line(ref.name or ref.blob[:12]))
    content = find(ref) if ref.size <= MAX_PICTURE_BYTES and ref.media_type in (None, *_TYPES) else None
    kind = None if content is None else picture_type(content)
    if content is None or kind is None:
        yield f'<p class="file">📎 {name} <small>{_size(ref.size)}</small></p>\n'
        return
    yield f'<figure><img alt="{name}" src="data:{kind};base64,'
    yield base64.b64encode(content).decode()
    yield f'"><figcaption>{name}</figcaption></figure>\n'


def picture_type(content: bytes) -> str | None:
    """The media type that the first bytes tell; None if it is none of the allowed ones."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _SIGNATURES if content.startswith(start)), None)


def _size(count: int) -> str:
    if count < 1000:
        return f"{count} B"
    return f"{count / 1000:,.0f} kB" if count < 1_000_000 else f"{count / 1_000_000:,.1f} MB"
