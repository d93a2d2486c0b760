"""Network namespaces: a network of its own for a process, and a second one at the other end of a cable.

Nothing that happens in one reaches the machine's network. Needs Linux, `unshare` and `ip`, and either root or user
namespaces.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import TracebackType

INSIDE = "LOVELACE_TEST_NAMESPACE"
"""Set in the environment of what runs in a namespace."""
_SECONDS = 10.0
_PREPARE = (
    "ip link set lo up && ip link set lo multicast on && ip route add 224.0.0.0/4 dev lo"
    ' && ip -6 route replace multicast ff00::/8 dev lo table local; exec "$@"'
)
_HERE, _THERE = "lovelace0", "lovelace1"


@cache
def refusal() -> str:
    """Why this computer gives no network namespaces, or ""."""
    if missing := [program for program in ("unshare", "nsenter", "ip") if shutil.which(program) is None]:
        return f"network namespaces need {', '.join(missing)}"
    try:
        tried = subprocess.run(command("ip", "link"), capture_output=True, text=True, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        return "network namespaces are not to be had within 10 s"
    return "" if tried.returncode == 0 else f"network namespaces are not allowed here: {tried.stderr.strip()[:200]}"


def command(*arguments: str) -> list[str]:
    """The command line that runs another one in a new namespace: only 127.0.0.1, ::1 and multicast on them."""
    root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *root, "--net", "sh", "-c", _PREPARE, "sh", *arguments]


def environment() -> dict[str, str]:
    """The environment for `command`."""
    return os.environ | {INSIDE: "1"}


def inside() -> bool:
    """Whether this process runs in a namespace of its own."""
    return INSIDE in os.environ


class Neighbour:
    """A second namespace, joined to this process's own one by a cable; only for processes that run `inside`.

    `here` and `there` are the addresses of the two ends. loss: the share of packets that the cable loses, both ways.
    """

    def __init__(self, loss: float = 0.0) -> None:
        assert inside(), "a neighbour would be joined to the machine's real network"
        self.here, self.there = "10.77.0.1", "10.77.0.2"
        self._loss = loss
        self._cable: subprocess.Popen[str] | None = None
        self._lost = Path(tempfile.gettempdir()) / f"lovelace-lost-{os.getpid()}"

    def __enter__(self) -> Neighbour:
        self._holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        try:
            self._wait_for_namespace()
            self._lay_cable()
            _run("ip", "addr", "add", f"{self.here}/24", "dev", _HERE)
            _run("ip", "link", "set", _HERE, "up")
            for arguments in (("link", "set", "lo", "up"), ("addr", "add", f"{self.there}/24", "dev", _THERE)):
                _run(*self.command("ip", *arguments))
            _run(*self.command("ip", "link", "set", _THERE, "up"))
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._cable is not None:
            self._cable.kill()
            self._cable.communicate()
            self._lost.unlink(missing_ok=True)
        subprocess.run(["ip", "link", "del", _HERE], capture_output=True, timeout=_SECONDS)
        self._holder.kill()
        self._holder.wait()

    def _lay_cable(self) -> None:
        pid = str(self._holder.pid)
        if not self._loss:
            _run("ip", "link", "add", _HERE, "type", "veth", "peer", "name", _THERE, "netns", pid)
            return
        line = [sys.executable, str(Path(__file__).with_name("lossy_cable.py")), pid, str(self._loss), str(self._lost)]
        self._cable = subprocess.Popen(line, stdout=subprocess.PIPE, text=True)
        assert self._cable.stdout is not None
        if self._cable.stdout.readline() != "ready\n":
            raise OSError("a cable that loses packets cannot be had here")

    def lost(self) -> int:
        """Packets that a cable with a `loss` has lost."""
        return int(self._lost.read_text() or 0)

    def command(self, *arguments: str) -> list[str]:
        """The command line that runs another one over there."""
        return ["nsenter", f"--net=/proc/{self._holder.pid}/ns/net", *arguments]

    def plug(self, plugged: bool) -> None:
        """Pull the cable out or put it back."""
        _run("ip", "link", "set", _HERE, "up" if plugged else "down")

    def move_there(self, address: str) -> None:
        """Give the other end another address in 10.77.0.0/24 in place of its own."""
        _run(*self.command("ip", "addr", "flush", "dev", _THERE, "scope", "global"))
        _run(*self.command("ip", "addr", "add", f"{address}/24", "dev", _THERE))
        self.there = address

    def move_here(self, address: str) -> None:
        """The same for this end."""
        _run("ip", "addr", "flush", "dev", _HERE, "scope", "global")
        _run("ip", "addr", "add", f"{address}/24", "dev", _HERE)
        self.here = address

    def make_lossy(self) -> str:
        """Lose packets from here to there: one in twenty by netem, or where the kernel has none, by a narrow queue."""
        netem = ("tc", "qdisc", "replace", "dev", _HERE, "root", "netem", "loss", "5%")
        narrow = "tc qdisc replace dev lovelace0 root tbf rate 40mbit burst 6k limit 12k".split()
        for line in (netem, narrow):
            if shutil.which("tc") and subprocess.run(line, capture_output=True, timeout=_SECONDS).returncode == 0:
                return line[6]
        raise OSError("neither netem nor tbf can be had from tc")

    def dropped(self) -> int:
        """Packets that the lossy cable has lost."""
        shown = subprocess.run(["tc", "-s", "qdisc", "show", "dev", _HERE], capture_output=True, text=True, check=True)
        return int(shown.stdout.partition("dropped ")[2].partition(",")[0])

    def _wait_for_namespace(self) -> None:
        own, deadline = os.readlink("/proc/self/ns/net"), time.monotonic() + _SECONDS
        while os.readlink(f"/proc/{self._holder.pid}/ns/net") == own:
            if self._holder.poll() is not None or time.monotonic() > deadline:
                raise OSError("the second namespace did not come up")
            time.sleep(0.01)


def _run(*line: str) -> None:
    done: subprocess.CompletedProcess[str] = subprocess.run(line, capture_output=True, text=True, timeout=_SECONDS)
    if done.returncode:
        raise OSError(f"{' '.join(line)}: {done.stderr.strip()}")


def run(*arguments: str, timeout: float, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command in a new namespace, with its output as text."""
    line: Sequence[str] = command(*arguments)
    return subprocess.run(line, env=environment(), capture_output=True, text=True, timeout=timeout, check=check)
