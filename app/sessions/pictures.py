"""What kind of image some bytes are, by their first bytes and never by what they are called."""

from __future__ import annotations

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
)
_BY_ENDING = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "bmp": "image/bmp",
}


def image_type(data: bytes) -> str | None:
    """The media type of the image that these bytes begin; None: they are none that is shown."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _MAGIC if data.startswith(magic)), None)


def claimed_image_type(name: str | None, media_type: str | None) -> str | None:
    """The image that a payload says to be: by its media type, else by the end of its name; None: it says no such."""
    if media_type:
        kind = media_type.partition(";")[0].strip().lower()
        return "image/jpeg" if kind == "image/jpg" else kind if kind.startswith("image/") else None
    return _BY_ENDING.get((name or "").rpartition(".")[2].lower())
