"""The patch of iroh's generated code: needed, right, and used only where the slow code is."""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any

import pytest

iroh_ffi = pytest.importorskip("iroh").iroh_ffi

from sync.transports import iroh_buffers  # noqa: E402  after the check for iroh


@pytest.fixture
def generated(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The generated module, as it is when this test is over; with its own method, whoever replaced it."""
    namespace: dict[str, Any] = vars(iroh_ffi).copy()
    lines = inspect.getsource(iroh_ffi).splitlines()
    begin = next(n for n, line in enumerate(lines) if line.startswith("class _UniffiRustBufferBuilder"))
    end = next(n for n in range(begin + 1, len(lines)) if lines[n] and not lines[n].startswith((" ", "#")))
    source = compile("\n" * begin + "\n".join(lines[begin:end]), iroh_ffi.__file__, "exec")
    exec(source, namespace)
    monkeypatch.setattr(iroh_ffi, "_UniffiRustBufferBuilder", namespace["_UniffiRustBufferBuilder"])
    return iroh_ffi


def written(generated: ModuleType, *values: bytes | memoryview) -> bytes:
    builder = generated._UniffiRustBufferBuilder()
    for value in values:
        builder.write(value)
    buffer = builder.finalize()
    try:
        return bytes(buffer.data[: buffer.len])
    finally:
        buffer.free()


def test_the_patch_is_still_needed(generated: ModuleType) -> None:
    reason = "iroh copies quickly by itself now: remove sync/transports/iroh_buffers.py and its use in iroh.py"
    assert iroh_buffers.is_slow(generated), reason


def test_the_fast_code_writes_the_same(generated: ModuleType) -> None:
    values = (b"", b"a", bytes(range(256)) * 40, memoryview(b"xyz")[1:], b"")
    slow = written(generated, *values)
    iroh_buffers.make_fast(generated)
    assert not iroh_buffers.is_slow(generated)
    assert written(generated, *values) == slow == b"".join(values)
    iroh_buffers.make_fast(generated)


def test_other_code_is_left_alone() -> None:
    class Builder:
        def write(self, value: bytes) -> None: ...

    module, write = ModuleType("other"), Builder.write
    module._UniffiRustBufferBuilder = Builder  # type: ignore[attr-defined]
    iroh_buffers.make_fast(module)
    assert Builder.write is write
    iroh_buffers.make_fast(ModuleType("empty"))
