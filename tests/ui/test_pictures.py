"""Attached images: small versions of what is one, a sentence about what is not."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

import pytest
from PySide6.QtCore import QBuffer, QIODevice
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication

from app.sessions.events import BlobRef
from app.sessions.pictures import claimed_image_type, image_type
from app.ui.conversation.lexing import Lexer
from app.ui.conversation.parts import Style
from app.ui.conversation.picture_part import PicturesPart
from app.ui.conversation.pictures import HEIGHT, MOST_BYTES, SHARPNESS, WIDTH, Picture, PictureStore, decode
from app.ui.theme import LIGHT


def ref(name: str = "a.png", *, media_type: str | None = None, size: int = 10, blob: str = "00" * 32) -> BlobRef:
    return BlobRef(blob=blob, size=size, name=name, media_type=media_type)


def image(width: int, height: int, kind: str = "PNG") -> bytes:
    made = QImage(width, height, QImage.Format.Format_RGB32)
    made.fill(QColor("#3b5bdb"))
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    assert made.save(buffer, kind)
    return bytes(buffer.data().data())


def bomb(side: int) -> bytes:
    """A PNG whose header promises very many pixels."""
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + header
    first = struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    pixels = b"IDAT" + zlib.compress(bytes(1000))
    rest = struct.pack(">I", len(pixels) - 4) + pixels + struct.pack(">I", zlib.crc32(pixels))
    return b"\x89PNG\r\n\x1a\n" + first + rest


def test_an_image_is_small_afterwards(qapp: QApplication) -> None:
    made = decode(ref(), image(3000, 1000)).image
    assert made is not None
    assert made.width() == WIDTH * SHARPNESS
    small = decode(ref("a.jpg"), image(20, 10, "JPG")).image
    assert small is not None
    assert (small.width(), small.height()) == (20, 10)


@pytest.mark.parametrize(
    ("data", "named", "words"),
    [
        (b"MZ\x90\x00", ref(), "but it is none"),
        (b"<svg onload='x'>", ref(media_type="image/svg+xml"), "but it is none"),
        (b"", ref(), "but it is none"),
        (b"GIF89a", ref(), "says it is PNG, but it is GIF"),
        (b"\x89PNG\r\n\x1a\n", ref(), "damaged"),
        (b"\x89PNG\r\n\x1a\nrest", ref(media_type="image/jpeg"), "says it is JPEG, but it is PNG"),
        (bomb(100_000), ref(), "too large"),
        (None, ref(), "not on this device"),
    ],
)
def test_what_is_no_image_says_why(qapp: QApplication, data: bytes | None, named: BlobRef, words: str) -> None:
    made = decode(named, data)
    assert made.image is None
    assert words in made.problem


def test_types_by_bytes_and_by_name() -> None:
    assert image_type(b"RIFF....WEBPVP8 ") == "image/webp"
    assert image_type(b"RIFF....WAVE") is None
    assert claimed_image_type("x.JPG", None) == "image/jpeg"
    assert claimed_image_type("x.png", "image/JPG; q=1") == "image/jpeg"
    assert claimed_image_type("x.txt", None) is None


def store(data: bytes, asked: list[BlobRef]) -> PictureStore:
    def load(wanted: BlobRef, then: Callable[[bytes | None], object]) -> None:
        asked.append(wanted)
        then(data)

    return PictureStore(load, lambda function, then: then(function()))


def test_the_store_asks_once_and_never_for_what_is_too_large(qapp: QApplication) -> None:
    asked: list[BlobRef] = []
    pictures = store(image(20, 10), asked)
    assert pictures.get(ref()) is None
    picture = pictures.get(ref())
    assert isinstance(picture, Picture)
    assert picture.image is not None
    assert len(asked) == 1
    large = pictures.get(ref(blob="11" * 32, size=MOST_BYTES + 1))
    assert large is not None
    assert "too large" in large.problem
    assert len(asked) == 1


def test_pictures_have_room_before_they_are_there(qapp: QApplication) -> None:
    part = PicturesPart(Style(LIGHT, Lexer(lambda _function, _then: None)), (ref("a.png"), ref("b.png"), ref("c.png")))
    part.resize(2 * WIDTH + 20)
    assert part.height == 2 * HEIGHT + 8
    part.resize(100)
    assert part.height == 3 * HEIGHT + 16
    assert part.text(0, part.length) == "a.png, b.png, c.png"
