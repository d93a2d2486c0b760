"""Small versions of attached images: read and decoded in workers, kept, and handed out when they are there.

Nothing about an image is believed: its kind comes from its first bytes, its size is asked before it is decoded, and it
is decoded straight to the size that is shown.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QObject, QSize, Qt, Signal
from PySide6.QtGui import QImage, QImageReader

from app.sessions.pictures import claimed_image_type, image_type
from app.sessions.sizes import human_size
from app.ui.bridge import while_alive

if TYPE_CHECKING:
    from app.sessions.events import BlobRef

WIDTH, HEIGHT = 280, 180
"""The largest small version, in pixels before zoom."""
SHARPNESS = 2
"""Small versions have so many times these pixels, for screens with a high resolution."""
MOST_PIXELS = 64_000_000
MOST_BYTES = 32 * 1024 * 1024
KEPT = 64

Load = Callable[["BlobRef", Callable[[bytes | None], object]], object]
Compute = Callable[[Callable[[], "Picture"], Callable[["Picture"], object]], object]


@dataclass(frozen=True, slots=True)
class Picture:
    """A small version, or the reason why there is none."""

    image: QImage | None = None
    problem: str = ""
    is_missing: bool = False
    """The problem is that it is not on this device yet."""


def decode(ref: BlobRef, data: bytes | None) -> Picture:
    """A small version of a payload. Runs in any thread."""
    if data is None:
        return Picture(problem=f"is not on this device yet ({human_size(ref.size)})", is_missing=True)
    kind, claimed = image_type(data), claimed_image_type(ref.name, ref.media_type)
    if kind is None:
        return Picture(problem="says it is an image, but it is none")
    if claimed is not None and kind != claimed:
        return Picture(problem=f"says it is {_short(claimed)}, but it is {_short(kind)}")
    buffer = QBuffer()
    buffer.setData(QByteArray(data))
    buffer.open(QIODevice.OpenModeFlag.ReadOnly)
    reader = QImageReader(buffer, _short(kind).lower().encode())
    size = reader.size()
    if not size.isValid():
        return Picture(problem="is damaged")
    if size.width() * size.height() > MOST_PIXELS:
        return Picture(problem=f"is too large to be shown: {size.width():,} × {size.height():,}")
    wanted = QSize(WIDTH * SHARPNESS, HEIGHT * SHARPNESS)
    if size.width() > wanted.width() or size.height() > wanted.height():
        reader.setScaledSize(size.scaled(wanted, Qt.AspectRatioMode.KeepAspectRatio).expandedTo(QSize(1, 1)))
    image = reader.read()
    return Picture(problem="is damaged") if image.isNull() else Picture(image)


def _short(media_type: str) -> str:
    return media_type.partition("/")[2].upper()


class PictureStore(QObject):
    """Answers at once with what it has, else starts a worker. arrived: some are there now; paint again.

    load(ref, then): reads a payload off the main thread. compute(function, then): as in `lexing.Lexer`.
    """

    arrived = Signal()

    def __init__(self, load: Load, compute: Compute, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._load, self._compute = load, compute
        self._known: OrderedDict[str, Picture] = OrderedDict()
        self._asked: set[str] = set()

    def get(self, ref: BlobRef) -> Picture | None:
        """The picture of a payload, or None while it is not known."""
        key = f"{ref.blob} {ref.name} {ref.media_type}"
        known = self._known.get(key)
        if known is not None:
            self._known.move_to_end(key)
        elif key not in self._asked:
            self._asked.add(key)
            if ref.size > MOST_BYTES:
                self._keep(key, Picture(problem=f"is too large to be shown: {ref.size:,} bytes"))
                return self._known[key]
            self._start(key, ref)
        return known

    def look_again(self) -> None:
        """What was not on this device may have come."""
        missing = [key for key, picture in self._known.items() if picture.is_missing]
        for key in missing:
            del self._known[key]
        if missing:
            self.arrived.emit()

    def _start(self, key: str, ref: BlobRef) -> None:
        def keep(made: Picture) -> None:
            self._keep(key, made)

        def begin(data: bytes | None) -> None:
            self._compute(lambda: decode(ref, data), while_alive(self, keep))

        self._load(ref, while_alive(self, begin))

    def _keep(self, key: str, picture: Picture) -> None:
        self._asked.discard(key)
        self._known[key] = picture
        if len(self._known) > KEPT:
            self._known.popitem(last=False)
        self.arrived.emit()
