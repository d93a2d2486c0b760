"""The libraries in the bundle: which they are, what they read about themselves at run time, and their licences."""

from __future__ import annotations

import os
import shutil
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_READ_FILES = ("METADATA", "entry_points.txt")
_NAMES = ("license", "licence", "copying", "notice")


def copy_licenses(folder: Path) -> None:
    """Write `NAME/…`, the licence files of every library that Lovelace needs, and `README`, which lists them."""
    folder.mkdir(parents=True)
    lines = []
    for name, found in sorted(needed("lovelace").items()):
        lines.append(f"{name} {found.version}: {stated_license(found)}")
        for file in license_files(found):
            (folder / name).mkdir(exist_ok=True)
            shutil.copyfile(file, folder / name / file.name)
    (folder / "python").mkdir()
    shutil.copyfile(Path(os.__file__).with_name("LICENSE.txt"), folder / "python/LICENSE.txt")
    (folder / "README").write_text("\n".join(lines) + "\n", encoding="utf-8")


def needed(root: str) -> dict[str, Distribution]:
    """The installed distributions that one requires here, directly or not, without itself."""
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    todo = _requirements(distribution(root), frozenset())
    while todo:
        requirement = todo.pop()
        step = (canonicalize_name(requirement.name), frozenset(requirement.extras))
        if step in seen:
            continue
        seen.add(step)
        try:
            library = distribution(requirement.name)
        except PackageNotFoundError:
            continue  # for another platform
        found[step[0]] = library
        todo += _requirements(library, step[1])
    return found


def metadata_files(root: str) -> list[tuple[str, str]]:
    """What one and the libraries it requires read through `importlib.metadata`: paths, and where they go in the bundle.

    Some ask for their own version while they are imported. The rest of their metadata folders tells of this machine.
    """
    found = [distribution(root), *needed(root).values()]
    files = [file for library in found for file in library.files or [] if file.name in _READ_FILES]
    return [(str(file.locate()), str(file.parent)) for file in files if file.parent.name.endswith(".dist-info")]


def stated_license(found: Distribution) -> str:
    """What a distribution's metadata say of its licence, in one line."""
    metadata = found.metadata
    stated = metadata.get("License-Expression") or metadata.get("License") or ""
    classified = [c.rpartition(" :: ")[2] for c in metadata.get_all("Classifier") or [] if c.startswith("License ::")]
    return stated.splitlines()[0] if stated.strip() else ", ".join(classified) or "see its licence files"


def license_files(found: Distribution) -> list[Path]:
    """The files in a distribution's metadata folder that look like licences."""
    files = [Path(str(file.locate())) for file in found.files or [] if ".dist-info" in str(file)]
    return [file for file in files if file.name.lower().startswith(_NAMES) and file.is_file()]


def _requirements(found: Distribution, extras: frozenset[str]) -> list[Requirement]:
    wanted = []
    for requirement in map(Requirement, found.requires or []):
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras | {""}):
            wanted.append(requirement)
    return wanted
