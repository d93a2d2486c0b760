import json
import os
import subprocess
import sys

import pytest

from app.cli.arguments import FLAGS, VALUES
from app.cli.errors import failure_of
from app.cli.program import run
from app.cli.root import COMMANDS, root_command
from app.errors import AgentError, NotFound, UserError
from sync.errors import DamagedError, LockedError, NewerDatabaseError, TransportError


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UserError("x"), 1),
        (LockedError("x"), 3),
        (NotFound("x"), 4),
        (AgentError("x"), 5),
        (TransportError("x"), 5),
        (DamagedError("x"), 6),
        (NewerDatabaseError("x"), 1),
        (KeyboardInterrupt(), 130),
        (OSError(28, "No space left on device", "f"), 1),
        (ZeroDivisionError("x"), 1),
    ],
)
def test_every_error_has_one_exit_code(error, code) -> None:
    assert failure_of(error).code == code


def test_an_unexpected_error_is_one_sentence_and_a_traceback_only_when_asked(monkeypatch, capsys) -> None:
    def fail(*_args) -> None:
        raise ZeroDivisionError("by\nzero")

    monkeypatch.setattr("app.cli.program._print_version", fail)
    assert run(["--version"], {}) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "ZeroDivisionError: by zero" in error
    assert run(["--version", "--verbose"], {}) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    "argv", [["nonsense"], ["sessions"], ["sessions", "list", "--limit", "x"], ["--home"], ["\udc80"]]
)
def test_usage_errors(argv, capsys) -> None:
    assert run(argv, {}) == 2
    text = capsys.readouterr()
    assert text.out == "" and text.err.count("\n") == 1
    assert run([*argv[:-1], "--json", argv[-1]] if argv != ["--home"] else ["--home", "--json"], {}) == 2
    error = json.loads(capsys.readouterr().err)["error"]
    assert error["code"] == 2 and error["message"] and error["candidates"] == []


def test_version(capsys) -> None:
    assert run(["--version"], {}) == 0
    assert capsys.readouterr().out == "lovelace 0.1.0\n"


def test_help_names_every_command_and_global_option(capsys) -> None:
    assert run(["--help"], {}) == 0
    text = capsys.readouterr().out
    for name in [*COMMANDS, *FLAGS, *VALUES]:
        assert name in text


def test_every_command_of_the_table_exists_and_is_explained() -> None:
    root = root_command()
    for name in COMMANDS:
        command = root.get_command(None, name)
        assert command.help, name
        for sub in command.list_commands(None) if hasattr(command, "list_commands") else []:
            assert command.get_command(None, sub).help, (name, sub)


def test_a_group_builds_the_command_that_is_called() -> None:
    sessions = root_command().get_command(None, "sessions")
    assert len(sessions.list_commands(None)) > 10 and not sessions.commands
    assert sessions.get_command(None, "list").name == "list"
    assert list(sessions.commands) == ["list"]
    assert sessions.get_command(None, "lst") is None  # then all are there to be suggested
    assert set(sessions.commands) == set(sessions.list_commands(None))


def test_start_imports_nothing_heavy() -> None:
    heavy = "PySide6 pydantic_ai openai anthropic rich asyncio keyring automerge pygments markdown_it".split()
    code = (
        "import sys; from app.cli.program import run; from app.cli.root import root_command;"
        "root_command().get_command(None, 'sessions').get_command(None, 'list');"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL
    )
    assert shown.stdout == "[]\n"


def test_the_window_does_not_wait_for_the_parser_of_commands() -> None:
    code = "import sys; from app.cli.program import run; print(run(['desktop'], {}), 'typer' in sys.modules)"
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    shown = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert shown.stdout == "1 False\n"
    assert "No display is here" in shown.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shell_completion_scripts(shell) -> None:
    environment = {**os.environ, "_LOVELACE_COMPLETE": f"source_{shell}"}
    shown = subprocess.run([sys.executable, "-m", "app"], env=environment, capture_output=True, text=True, check=True)
    assert "_LOVELACE_COMPLETE" in shown.stdout


def test_completion_offers_commands_and_options() -> None:
    def complete(words: str) -> list[str]:
        environment = {
            **os.environ,
            "_LOVELACE_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split(" ")) - 1),
        }
        shown = subprocess.run(
            [sys.executable, "-m", "app"], env=environment, capture_output=True, text=True, check=True
        )
        return shown.stdout.split()

    assert {"fork", "show"} <= set(complete("lovelace --home x sessions "))
    assert "--limit" in complete("lovelace sessions list --l")
