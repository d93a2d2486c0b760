"""A bare Debian 12 in a folder, with its own mounts and process ids, to install packages into."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

RELEASE = "bookworm"
NEEDED = ("apt-get", "debootstrap", "unshare", "chroot")
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
# The mounts end with the last process in this namespace.
_ENTER = """
root=$1; shift
mount --make-rprivate /
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --bind /etc/resolv.conf "$root/etc/resolv.conf"
exec chroot "$root" "$@"
"""


def why_not() -> str | None:
    """Why no such root can be made here, if so."""
    missing = [program for program in NEEDED if shutil.which(program) is None]
    if missing:
        return f"needs {', '.join(missing)}"
    if os.geteuid() != 0:
        return "only root can make a Debian root"
    allowed = subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], capture_output=True)
    if allowed.returncode != 0:
        return "this machine allows no namespaces"
    return None if _mirror() else f"apt knows no source of Debian {RELEASE} here"


@dataclass(frozen=True)
class DebianRoot:
    """The folder of a system."""

    folder: Path

    def command(self, *words: str, user: str = "root", **variables: str) -> list[str]:
        """What to start outside so that a command runs inside, ended with whoever started it."""
        environment = {"PATH": _PATH, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive", **variables}
        inside = ["env", "-i", *(f"{name}={value}" for name, value in environment.items())]
        if user != "root":
            inside += ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
        namespaces = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--"]
        return [*namespaces, "sh", "-c", _ENTER, "sh", str(self.folder), *inside, *words]

    def run(self, *words: str, user: str = "root", timeout: float = 60, **variables: str) -> str:
        """What a command inside prints; an AssertionError with all of it when it fails."""
        done = subprocess.run(
            self.command(*words, user=user, **variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout,
        )
        assert done.returncode == 0, f"{' '.join(words)}: {done.returncode}\n{done.stdout}"
        return done.stdout

    def install(self, *packages: str, timeout: float = 300) -> None:
        """Install Debian packages, or `.deb` files by their path inside, with what they depend on and no more."""
        self.run("apt-get", "-q", "-y", "install", "--no-install-recommends", *packages, timeout=timeout)


@contextmanager
def debian_root(folder: Path) -> Iterator[DebianRoot]:
    """A new minimal system in an absent folder, deleted in the end. It has apt with this machine's sources."""
    command = ["debootstrap", "--variant=minbase", RELEASE, str(folder), _mirror()]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=400)
        assert done.returncode == 0, done.stdout + done.stderr
        _copy_sources(folder)
        root = DebianRoot(folder)
        root.run("apt-get", "-q", "update", timeout=120)
        yield root
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _mirror() -> str:
    """Where this machine gets Debian from; empty when it does not."""
    wanted = ["Created-By: Packages", f"Codename: {RELEASE}", "Component: main"]
    done = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(SITE)", *wanted], capture_output=True, text=True, timeout=60
    )
    return next(iter(sorted(set(done.stdout.split()))), "")


def _copy_sources(folder: Path) -> None:
    apt = Path("/etc/apt")
    (folder / "etc/apt/sources.list").unlink(missing_ok=True)
    sources: Sequence[Path] = [apt / "sources.list.d/debian.sources", apt / "sources.list", *apt.glob("apt.conf.d/99*")]
    for source in filter(Path.is_file, sources):
        shutil.copy(source, folder / source.relative_to("/"))
    (folder / "etc/resolv.conf").touch()
