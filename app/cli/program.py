"""Runs one command line: splits it, calls the command, and turns every failure into an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from app.cli.arguments import Globals, split, wants_json
from app.cli.errors import DONE, INTERRUPTED, OutputClosed, UsageError, failure_of
from app.cli.output import Output

if TYPE_CHECKING:
    from app.cli.call import Call

_COMPLETION = "_LOVELACE_COMPLETE"


def run(argv: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run the command line (without the program's name) and give the exit code. Never raises."""
    if environment.get(_COMPLETION):
        return _complete()
    _tolerate_any_text()
    out = Output(json=wants_json(argv))
    options = Globals(verbose="--verbose" in argv)
    try:
        _refuse_broken_text(argv)
        options, rest = split(argv, environment)
        out = Output(json=options.json, quiet=options.quiet)
        code = _invoke(options, out, rest)
        out.flush()
        return code
    except OutputClosed:
        return _leave_closed_pipe()
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  the door
        return _report(out, error, verbose=options.verbose)


def _invoke(options: Globals, out: Output, words: list[str]) -> int:
    if options.version:
        return _print_version(out)
    from app.cli.call import Call

    call = Call(options, out)
    if words in ([], ["desktop"]):  # what is done most, and seen at once: it need not wait for the parser of commands
        from app.cli.opening import open_window, start

        return open_window(call, None) if words else start(call)
    return _run_command(call, words)


def _run_command(call: Call, words: list[str]) -> int:
    import typer

    from app.cli.root import root_command

    root = root_command()
    try:
        with root.make_context("lovelace", words, obj=call) as context:
            result = root.invoke(context)
    except typer.Exit as leave:
        return leave.exit_code
    except typer.TyperException as error:
        raise UsageError(_usage_sentence(error)) from error
    return result if isinstance(result, int) else DONE


def _usage_sentence(error: Exception) -> str:
    """What the parser complains about, and where help is."""
    message = getattr(error, "format_message", error.__str__)().strip()
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "lovelace"
    return f"{message} See: {command} --help"


def _report(out: Output, error: BaseException, *, verbose: bool) -> int:
    failure = failure_of(error)
    try:
        out.flush()
    except OutputClosed:
        _leave_closed_pipe()
    if failure.unexpected and verbose:
        import traceback

        traceback.print_exception(error)
    if failure.code != INTERRUPTED or out.json:
        out.fail(failure)
    return failure.code


def _leave_closed_pipe() -> int:
    """Point stdout at nothing, so that the interpreter's last flush stays silent."""
    with open(os.devnull, "w") as nothing:
        os.dup2(nothing.fileno(), sys.stdout.fileno())
    return DONE


def _print_version(out: Output) -> int:
    from importlib.metadata import version

    number = version("lovelace")
    if out.json:
        out.value({"version": number})
    else:
        out.line(f"lovelace {number}")
    return DONE


def _refuse_broken_text(argv: Sequence[str]) -> None:
    for word in argv:
        try:
            word.encode()
        except UnicodeEncodeError:
            raise UsageError(f"This argument is not valid UTF-8: {word!a}.") from None


def _tolerate_any_text() -> None:
    """Never fail because a terminal cannot show a character."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:
            reconfigure(errors="replace")


def _complete() -> int:
    from app.cli.root import root_command

    root_command().main(prog_name="lovelace", complete_var=_COMPLETION)
    return DONE
