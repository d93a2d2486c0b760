from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.sessions import diff as diff_module
from app.sessions.diff import unified_diff

texts = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "\r\n", "\x0c\n", "no end"]), max_size=30).map("".join)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@given(before=texts, after=texts, work=st.sampled_from([10, 4_000_000]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_git_applies_it(before: str, after: str, work: int, tmp_path: Path) -> None:
    if before == after:
        return
    (tmp_path / "f").write_bytes(before.encode())
    with mock.patch.object(diff_module, "_MAX_WORK", work):
        patch = unified_diff("f", before, after)
    command = ["git", "apply", "--unidiff-zero", "--whitespace=nowarn", "-"]
    done = subprocess.run(command, cwd=tmp_path, input=patch.text.encode(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "f").read_bytes() == after.encode()
    assert patch.added - patch.removed == len(_lines(after)) - len(_lines(before))


def _lines(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n") if text else []


def test_new_and_equal_files() -> None:
    assert unified_diff("f", None, "a\nb\n").text == "--- /dev/null\n+++ b/f\n@@ -0,0 +1,2 @@\n+a\n+b\n"
    assert unified_diff("f", "a\n", "a\n").text == ""


def test_far_changes_are_hunks_of_their_own() -> None:
    before = "".join(f"{n}\n" for n in range(40))
    after = before.replace("\n5\n", "\nfive\n").replace("\n30\n", "\nthirty\n")
    patch = unified_diff("f", before, after)
    heads = [line for line in patch.text.splitlines() if line.startswith("@@")]
    assert heads == ["@@ -3,7 +3,7 @@", "@@ -28,7 +28,7 @@"]
    assert (patch.added, patch.removed) == (2, 2)


def test_large_repetitive_files_take_no_time() -> None:
    before = "x\n" * 60_000
    after = "y\n" + "x\n" * 30_000 + "y\n" + "x\n" * 29_999 + "y\n"
    assert unified_diff("f", before, after).added >= 3
