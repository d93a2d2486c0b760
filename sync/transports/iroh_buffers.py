"""Makes iroh's generated Python code copy bytes quickly.

uniffi before 0.32 writes bytes into a buffer one by one in a Python loop, which bounds sending to about 5 MiB/s. This
replaces that one method by a `memmove`, and only where the slow code is there. This module can go when
`tests/sync/transports/test_iroh_buffers.py` says so.
"""

from __future__ import annotations

import ctypes
from types import ModuleType
from typing import Any


def is_slow(generated: ModuleType) -> bool:
    """Whether `iroh.iroh_ffi` copies byte by byte. Looks at the compiled code: a package has no sources."""
    builder = getattr(generated, "_UniffiRustBufferBuilder", None)
    code = getattr(getattr(builder, "write", None), "__code__", None)
    return code is not None and "enumerate" in code.co_names


def make_fast(generated: ModuleType) -> None:
    """Replace the slow method in `iroh.iroh_ffi`; again is free."""
    if is_slow(generated):
        generated._UniffiRustBufferBuilder.write = _write


def _write(self: Any, value: bytes | bytearray | memoryview) -> None:
    size = len(value)
    with self._reserve(size):
        if size:
            start = ctypes.addressof(self.rbuf.data.contents) + self.rbuf.len
            ctypes.memmove(start, bytes(value), size)
