"""Walking a workspace folder: bounded, in a fixed order, without .git, links and what ignore files name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from pathspec import GitIgnoreSpec

from app.agents.tools.folders import Folders

MAX_ENTRIES = 50_000
NEVER = frozenset(
    ".git .hg .svn node_modules bower_components __pycache__ .venv .tox .nox .mypy_cache .pytest_cache .ruff_cache "
    ".gradle .terraform".split()
)
"""Folders that no ignore file needs to name."""
IGNORE_FILES = (".gitignore", ".ignore")
_IGNORE_BYTES = 256 * 1024

Specs = tuple[tuple[Path, GitIgnoreSpec], ...]


def walk(folders: Folders, start: Path, depth: int | None = None) -> Iterator[os.DirEntry[str]]:
    """Files and folders below `start` (a real path), folders before what is in them; at most `MAX_ENTRIES`.

    depth: how many levels, None for all. Links are given, never followed.
    """
    root = max((r for r in folders.roots if start.is_relative_to(r)), key=lambda r: len(r.parts))
    specs: Specs = ()
    for place in (
        root,
        *(root.joinpath(*start.relative_to(root).parts[: n + 1]) for n in range(len(start.relative_to(root).parts))),
    ):
        specs += specs_of(place)
    count = 0
    stack: list[tuple[Path, int, Specs]] = [(start, 1, specs)]
    while stack:
        place, level, specs = stack.pop()
        below: list[tuple[Path, int, Specs]] = []
        for entry in _entries(place):
            if entry.name in NEVER or Path(entry.path) in folders.hidden or is_ignored(entry, specs):
                continue
            count += 1
            if count > MAX_ENTRIES:
                return
            yield entry
            if entry.is_dir(follow_symlinks=False) and (depth is None or level < depth):
                path = Path(entry.path)
                below.append((path, level + 1, specs + specs_of(path)))
        stack.extend(reversed(below))


def _entries(place: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(place) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []


def specs_of(place: Path) -> Specs:
    """Ignore rules of one folder."""
    found: list[tuple[Path, GitIgnoreSpec]] = []
    for name in IGNORE_FILES:
        path = place / name
        try:
            if path.is_symlink() or path.stat().st_size > _IGNORE_BYTES:
                continue
            lines = path.read_text("utf-8", "replace").splitlines()
            found.append((place, GitIgnoreSpec.from_lines(lines)))
        except (OSError, ValueError):
            continue
    return tuple(found)


def is_ignored(entry: os.DirEntry[str], specs: Specs) -> bool:
    """The deepest ignore file that says something about the entry decides."""
    slash = "/" if specs and entry.is_dir(follow_symlinks=False) else ""
    for place, spec in reversed(specs):
        inside = entry.path[len(str(place)) :].lstrip(os.sep).replace(os.sep, "/")
        verdict = spec.check_file(inside + slash).include
        if verdict is not None:
            return verdict
    return False
