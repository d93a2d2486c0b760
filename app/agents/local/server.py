"""Starts the embedded model's server when it is first needed, and ends it with the program."""

from __future__ import annotations

import asyncio
import atexit
import os
import secrets
import select
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from app.errors import AgentError

CONTEXT_TOKENS = 16384
_START_SECONDS = 120.0
_END_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Address:
    """Where a running server is, and the key it wants."""

    url: str
    key: str


def is_installed() -> bool:
    """Whether the library that runs models is here: the Debian package, for one, leaves it out."""
    return find_spec("xllamacpp") is not None


class LocalServer:
    """One model file in one subprocess; started by the first `address()`, again when it has died."""

    def __init__(self, model: Path, *, context: int = CONTEXT_TOKENS, threads: int | None = None) -> None:
        self._model = model
        self._context = context
        self._threads = threads or os.cpu_count() or 1
        self._process: subprocess.Popen[bytes] | None = None
        self._address: Address | None = None
        self._lock = threading.Lock()

    async def address(self) -> Address:
        """Where the server is; waits while the model loads. Raises AgentError when it cannot be started."""
        return await asyncio.to_thread(self._ensure)

    @property
    def context(self) -> int:
        """The tokens that were asked for as the model's window; the server may hold fewer."""
        return self._context

    @property
    def pid(self) -> int | None:
        """Of the subprocess, while it is there."""
        return self._process.pid if self._process is not None else None

    def close(self) -> None:
        """End the subprocess."""
        with self._lock:
            self._stop()

    def _ensure(self) -> Address:
        with self._lock:
            if self._process is None or self._process.poll() is not None or self._address is None:
                self._stop()
                self._address = self._start()
            return self._address

    def _start(self) -> Address:
        key = secrets.token_hex(16)
        program = [sys.executable, "-m", "app.agents.local.server_process"]
        self._process = subprocess.Popen(
            [*program, str(self._model), str(self._context), str(self._threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=Path(__file__).parents[3],
        )
        atexit.register(self.close)
        assert self._process.stdin is not None
        self._process.stdin.write(key.encode() + b"\n")
        self._process.stdin.flush()
        url = self._read_line()
        if not url.startswith("http"):
            self._stop()
            raise AgentError(
                f"The embedded model could not be started from {self._model}. 'lovelace models get' fetches it again; "
                "it needs about 2.5 GB of free memory."
            )
        return Address(f"{url}/v1", key)

    def _read_line(self) -> str:
        assert self._process is not None and self._process.stdout is not None
        stream, line = self._process.stdout.fileno(), b""
        until = time.monotonic() + _START_SECONDS
        while not line.endswith(b"\n") and len(line) < 4096:
            ready, _, _ = select.select([stream], [], [], max(0.0, until - time.monotonic()))
            data = os.read(stream, 1024) if ready else b""
            if not data:
                break
            line += data
        return line.decode("utf-8", "replace").strip()

    def _stop(self) -> None:
        process, self._process, self._address = self._process, None, None
        if process is None:
            return
        atexit.unregister(self.close)
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
