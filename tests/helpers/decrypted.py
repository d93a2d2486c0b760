"""Every byte of an encrypted database as it lies on the disk: pages in use, free pages, and the write-ahead log.

SQLCipher 4 page: AES-256-CBC ciphertext, then 16 bytes of IV, then the HMAC; the first 16 bytes of the file are the
salt. A raw key is the page key itself. The write-ahead log has a header of 32 bytes, and 24 bytes before each page.
"""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

PAGE_BYTES = 4096
_SALT_BYTES = 16
_RESERVED_BYTES = 16 + 32  # IV and HMAC-SHA256
_LOG_HEADER_BYTES, _FRAME_HEADER_BYTES = 32, 24


def decrypted_pages(database: Path, key: bytes) -> bytes:
    """The plain content of all pages of the database file and of its write-ahead log."""
    log = database.with_name(f"{database.name}-wal")
    return _file_pages(database.read_bytes(), key) + (_log_pages(log.read_bytes(), key) if log.exists() else b"")


def _file_pages(data: bytes, key: bytes) -> bytes:
    pages = (data[at : at + PAGE_BYTES] for at in range(0, len(data), PAGE_BYTES))
    return b"".join(_page(page, key, salted=number == 0) for number, page in enumerate(pages))


def _log_pages(data: bytes, key: bytes) -> bytes:
    pages = []
    step = _FRAME_HEADER_BYTES + PAGE_BYTES
    for at in range(_LOG_HEADER_BYTES, len(data) - step + 1, step):
        number = int.from_bytes(data[at : at + 4], "big")
        pages.append(_page(data[at + _FRAME_HEADER_BYTES : at + step], key, salted=number == 1))
    return b"".join(pages)


def _page(page: bytes, key: bytes, *, salted: bool) -> bytes:
    end = PAGE_BYTES - _RESERVED_BYTES
    iv = page[end : end + 16]
    decryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
    return decryptor.update(page[_SALT_BYTES if salted else 0 : end]) + decryptor.finalize()
