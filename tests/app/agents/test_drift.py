from __future__ import annotations

from pathlib import Path

import pytest

from app.agents.drift import Drift, compared_with_disk
from app.agents.tools.folders import Folders
from app.sessions.events import BlobRef, FileChange

THEN = BlobRef(blob="then", size=4)
DELETED = "--- a/f\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"


def drift(folder: Path, change: FileChange, now: bytes | None, then: bytes | None = b"one\n") -> Drift:
    if now is not None:
        (folder / "f").write_bytes(now)
    return compared_with_disk(lambda ref: then, Folders([folder]), {change.path: change})(change.path)


@pytest.mark.parametrize(
    ("now", "state"), [(b"one\n", "unchanged"), (b"two\n", "changed"), (b"\0\xff", "changed"), (None, "missing")]
)
def test_against_what_the_session_left(tmp_path: Path, now: bytes | None, state: str) -> None:
    assert drift(tmp_path, FileChange(path="f", after=THEN), now).state == state


def test_the_diff_leads_from_the_session_to_now(tmp_path: Path) -> None:
    assert drift(tmp_path, FileChange(path="f", after=THEN), b"two\n").diff.endswith("-one\n+two\n")
    assert drift(tmp_path, FileChange(path="f", after=THEN), b"\0\xff").diff == ""


def test_a_deleted_file(tmp_path: Path) -> None:
    assert drift(tmp_path, FileChange(path="f", before=THEN), None) == Drift("unchanged")
    assert drift(tmp_path, FileChange(path="f", diff=DELETED), None) == Drift("unchanged")
    assert drift(tmp_path, FileChange(path="f", before=THEN), b"back\n").state == "changed"


@pytest.mark.parametrize("path", ["f", "../f", "/etc/passwd", "\0"])
def test_what_is_not_known(tmp_path: Path, path: str) -> None:
    (tmp_path / "f").write_text("x")
    assert drift(tmp_path, FileChange(path=path), None) == Drift("unknown")


def test_a_content_that_is_not_on_this_device(tmp_path: Path) -> None:
    assert drift(tmp_path, FileChange(path="f", after=THEN), b"x", None) == Drift("unknown")
