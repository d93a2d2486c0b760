"""Where benchmarks run: a temporary folder with homes unlocked by the keyring, and the real program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.workspace import Credentials, Workspace

PROGRAM_TIMEOUT_S = 1_200
_SAMPLE_S = 0.02


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much a run measures; the defaults are those of the bars."""

    append_events: int = 20_000
    import_records: int = 60_000
    transcript_bytes: int = 10**9
    search_events: int = 1_000_000
    session_events: int = 100_000
    listed_sessions: int = 10_000
    backup_megabytes: int = 300
    caught_up_events: int = 100_000


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run of the program.

    cpu_seconds: of user and system, which others on the machine disturb less. peak_kib: greatest resident memory, 0
    where the system does not tell.
    """

    seconds: float
    cpu_seconds: float
    peak_kib: int
    out: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Place:
    """The temporary folder of one benchmark and how much to measure."""

    folder: Path
    sizes: Sizes
    verbose: bool = False

    def say(self, text: str) -> None:
        """A remark on stderr; only with --verbose."""
        if self.verbose:
            print(f"  {text}", file=sys.stderr, flush=True)

    @contextmanager
    def opened(self, home: str = "home") -> Iterator[Workspace]:
        """A home of this folder, made on first use."""
        with closing(Workspace.open(self.folder / home, Credentials(), name="Ada")) as workspace:
            yield workspace

    def command(self, *words: str, home: str = "home") -> list[str]:
        """The command line of the real program."""
        program = Path(sys.executable).with_name("lovelace")
        return [str(program), "--home", str(self.folder / home), *words]

    def run(self, *words: str, home: str = "home") -> Run:
        """Run the program with its output into a pipe, and time the whole process."""
        command = self.command(*words, home=home)
        begun, before = time.perf_counter(), children_seconds()
        done = subprocess.run(command, stdout=subprocess.PIPE, cwd=self.folder, timeout=PROGRAM_TIMEOUT_S, check=True)
        return Run(time.perf_counter() - begun, children_seconds() - before, 0, done.stdout.decode())

    def watch(self, *words: str, home: str = "home") -> Run:
        """As `run`, with the peak of its memory.

        The peak is the kernel's own high-water mark, read until the end: that of wait4 would include this process,
        because a new process inherits the mark of the one it was split from.
        """
        out = self.folder / "watched.out"
        begun, before, peak = time.perf_counter(), children_seconds(), 0
        with (
            out.open("wb") as file,
            subprocess.Popen(self.command(*words, home=home), stdout=file, cwd=self.folder) as child,
        ):
            try:
                while child.poll() is None and time.perf_counter() - begun < PROGRAM_TIMEOUT_S:
                    peak = max(peak, high_water_kib(child.pid))
                    time.sleep(_SAMPLE_S)
            finally:
                child.kill()
        if child.returncode != 0:
            raise subprocess.CalledProcessError(child.returncode, f"{words}, after {time.perf_counter() - begun:.0f} s")
        return Run(time.perf_counter() - begun, children_seconds() - before, peak, out.read_text())


def children_seconds() -> float:
    """Processor time of all children that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def high_water_kib(pid: int) -> int:
    """VmHWM of a process; 0 once it has ended, and where there is no /proc."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


def folder_bytes(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def load() -> str:
    """How busy the machine is, for the record."""
    return " ".join(f"{value:.1f}" for value in os.getloadavg()) + f" on {os.cpu_count()} cores"
