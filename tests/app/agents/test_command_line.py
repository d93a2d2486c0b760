from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.agents.command_line import simple_commands
from app.agents.rules import Rules

PIECES = [
    "ok", "evil", "x", " ", " ", " ", ";", "&&", "||", "|", "&", "\n", "'", '"', "\\", "(", ")", "{", "}", "<", ">",
    "2>", ">&", "1", "#", "if", "then", "fi", "!", "f()", "$x", "$", "`", "$(", "=", "A=1", "~", "*", "\r", "\t",
    "eval", "exec", "env", "command", "case", "in", "esac", "while", "do", "done", "<<", "EOF", "--", ".", "/bin/",
    "\x0b", "\x0c", "[",
]  # fmt: skip


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the programs `ok`, and `evil`, which leaves a mark beside itself."""
    folder = tmp_path_factory.mktemp("bin")
    (folder / "ok").write_text("#!/bin/sh\n:\n")
    (folder / "evil").write_text(f"#!/bin/sh\n: > {folder}/mark\n")
    for name in ("ok", "evil"):
        (folder / name).chmod(0o755)
    return folder


@given(pieces=st.lists(st.sampled_from(PIECES), min_size=1, max_size=12))
@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_a_shell_runs_nothing_else_than_what_was_found(pieces: list[str], programs: Path, tmp_path: Path) -> None:
    line = "".join(pieces)
    if Rules(commands=("ok",)).refuse_command(line) is not None:
        return
    environment = {"PATH": str(programs)}
    subprocess.run(
        ["/bin/sh", "-c", line],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=20,
    )
    assert not os.path.lexists(programs / "mark"), line


@given(line=st.text(max_size=200))
def test_no_line_is_an_error(line: str) -> None:
    commands = simple_commands(line)
    assert commands is None or (commands and all(words and words[0] for words in commands))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ls -l", [("ls", "-l")]),
        ("cd a && python3 'b c.py' > out 2>&1", [("cd", "a"), ("python3", "b c.py")]),
        ("cat a | sort;wc", [("cat", "a"), ("sort",), ("wc",)]),
        ("echo one\nrm two", [("echo", "one"), ("rm", "two")]),
        ('python3 -c "import os\nprint(1)"', [("python3", "-c", "import os\nprint(1)")]),
    ],
)
def test_plain_lines(line: str, expected: list[tuple[str, ...]]) -> None:
    assert simple_commands(line) == expected


@pytest.mark.parametrize(
    "line",
    ["", "  ", "$(rm x)", "echo `rm x`", "(rm x)", "if true; then rm x; fi", "A=1 rm x", "sh -c 'rm x'", "echo 'open",
     "$cmd", "r* x", "cat <<EOF\nx\nEOF", "sudo rm", "f() { rm; }", "~/bin/x"],
)  # fmt: skip
def test_lines_that_cannot_be_told(line: str) -> None:
    assert simple_commands(line) is None
