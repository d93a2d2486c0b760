"""The room that a home takes, and giving it back."""

from __future__ import annotations

from pathlib import Path

from app.commands.storage import give_back, home_size, new_backup_folder
from tests.helpers.homes import open_home


def test_unused_space_is_measured_and_given_back(tmp_path: Path) -> None:
    workspace = open_home(tmp_path / "home")
    try:
        workspace.write(lambda operations: operations.set_setting("ballast", "z" * 3_000_000))
        workspace.write(lambda operations: operations.set_setting("ballast", None))
        (workspace.home / "blobs" / "aa").mkdir(parents=True, exist_ok=True)
        (workspace.home / "blobs" / "aa" / "x").write_bytes(b"x" * 1_000)
        before, told = home_size(workspace), list[tuple[int, int]]()
        assert before.blobs == 1_000 and before.database > 3_000_000 and before.free > 0
        freed = give_back(workspace, lambda done, total: told.append((done, total)))
        assert freed == before.unused > 2_000_000
        assert told[0] == (0, before.unused) and told[-1] == (before.unused, before.unused)
        assert home_size(workspace).unused == 0
    finally:
        workspace.close()


def test_a_backup_never_takes_a_name_that_is_there(tmp_path: Path) -> None:
    first = new_backup_folder(tmp_path)
    first.mkdir()
    second = new_backup_folder(tmp_path)
    assert second.parent == tmp_path and second != first and second.name.startswith("lovelace-backup-")
