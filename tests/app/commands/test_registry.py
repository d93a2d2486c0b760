import re
from pathlib import Path

import pytest

from app.commands.registry import BY_ID, COMMANDS


class Operations:
    """Remembers what commands ask for."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []

    def __getattr__(self, name: str):
        def record(*args, **options):
            self.calls.append((name, *args, *options.items()))
            return "new"

        return record


@pytest.mark.parametrize(
    ("id", "subjects", "text", "calls", "changed"),
    [
        ("session.new", [], "", [("create", ("title", None))], ["new"]),
        ("session.rename", ["a"], "T", [("set_all", ["a"], {"title": "T"})], ["a"]),
        ("session.note", ["a"], "T", [("set_note", "a", "T")], ["a"]),
        ("session.fork", ["a"], "", [("fork", "a", ("at", None))], ["new"]),
        ("session.fork", ["a"], "e", [("fork", "a", ("at", "e"))], ["new"]),
        (
            "session.archive",
            ["a", "b"],
            "",
            [("set_all", ["a", "b"], {"archived": True})],
            ["a", "b"],
        ),
        ("session.unarchive", ["a"], "", [("set_all", ["a"], {"archived": False})], ["a"]),
        ("session.delete", ["a"], "", [("trash", ["a"])], ["a"]),
        ("session.undelete", ["a"], "", [("set_all", ["a"], {"trashed": False})], ["a"]),
        ("session.pause", ["a", "b"], "", [("pause", ["a", "b"])], ["a", "b"]),
        ("session.resume", ["a"], "", [("resume", ["a"])], ["a"]),
        ("session.stop", ["a"], "", [("stop", ["a"])], ["a"]),
        ("session.take_over", ["a", "b"], "", [("take_over_by_hand", ["a", "b"])], ["a", "b"]),
        ("workspace.create", [], "N", [("create_workspace", "N")], ["new"]),
        ("workspace.open", [], "/x", [("open_folder", Path("/x"))], ["new"]),
        ("workspace.switch", ["w"], "", [("switch", "w")], ["w"]),
        ("workspace.rename", ["w"], "N", [("rename_workspace", "w", "N")], ["w"]),
        ("workspace.relink", ["w"], "/x", [("relink_folder", "w", Path("/x"))], ["w"]),
    ],
)
def test_commands_do_what_they_say(id, subjects, text, calls, changed) -> None:
    operations = Operations()
    assert list(BY_ID[id].run(operations, subjects, text)) == changed
    assert operations.calls == calls


def test_the_table_is_consistent() -> None:
    assert len(BY_ID) == len(COMMANDS)
    shortcuts = [command.shortcut for command in COMMANDS if command.shortcut]
    assert len(set(shortcuts)) == len(shortcuts)
    for command in COMMANDS:
        assert re.fullmatch(r"[a-z]+\.[a-z_]+", command.id)
        assert command.help.endswith(".") and not command.title.endswith(".")
        assert command.title.endswith("…") == (command.asks is not None)
