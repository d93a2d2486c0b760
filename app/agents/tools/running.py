"""The tool that runs a shell command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta

from app.agents.backend import OutputDelta
from app.agents.process import Finished, Stream, run_process
from app.agents.sandbox import plan_launch
from app.agents.tools.failure import ToolFailure
from app.agents.tools.tool import Arguments, Site, Tool
from app.errors import UserError
from app.sessions.events import Command, CommandResult

_SHOWN_CHARACTERS = 16_000
"""Of each stream this much goes back to the model; the session keeps more."""


class RunArguments(Arguments, frozen=True):
    """Arguments of the tool."""

    command: Annotated[str, Meta(min_length=1, max_length=100_000, description="A shell command line.")]
    cwd: Annotated[str, Meta(description="The folder to run in, relative to the workspace.")] = "."


async def _run(site: Site, arguments: RunArguments) -> str:
    finished = await run_command(site, arguments.command, arguments.cwd)
    if finished.exit_code != 0:
        raise ToolFailure(report(finished, site.rules.command_seconds))
    return report(finished, site.rules.command_seconds)


async def run_command(site: Site, command: str, cwd: str = ".", variables: Mapping[str, str] | None = None) -> Finished:
    """Run a command line within the site's rules and record it with its result. variables: for its environment."""
    target = site.folders.resolve(cwd)
    if not target.path.is_dir():
        raise ToolFailure(f"'{target.name}' is not a folder.")
    if (refusal := site.rules.refuse_command(command)) is not None:
        raise ToolFailure(refusal)
    if site.files is not None:
        await site.files.command_began()
    site.emit(Command(call_id=site.call_id, command=command, cwd=target.name))
    result = CommandResult(call_id=site.call_id, signal="SIGKILL")
    try:
        finished = await _launch(site, command, cwd, variables)
        result = CommandResult(
            call_id=site.call_id,
            exit_code=finished.exit_code,
            signal=finished.signal,
            stdout=finished.stdout,
            stderr=finished.stderr,
            duration_ms=finished.duration_ms,
            truncated=finished.truncated,
        )
        return finished
    except UserError as error:
        result = CommandResult(call_id=site.call_id, stderr=str(error))
        raise ToolFailure(str(error)) from error
    finally:
        site.emit(result)
        if site.files is not None:
            for change in await site.files.command_ended(site.call_id):
                site.emit(change)


async def _launch(site: Site, command: str, cwd: str, variables: Mapping[str, str] | None) -> Finished:
    def on_output(stream: Stream, text: str) -> None:
        site.emit(OutputDelta(site.call_id, stream, text))

    folder = site.folders.resolve(cwd).path
    launch = plan_launch(
        command,
        cwd=folder,
        folders=site.folders.roots,
        hidden=site.folders.hidden,
        rules=site.rules,
        confined=site.confined,
        variables=variables,
    )
    seconds = site.rules.command_seconds
    return await run_process(launch.argv, cwd=folder, env=launch.env, timeout=seconds, on_output=on_output)


def report(finished: Finished, seconds: float) -> str:
    """What the model is told about a command."""
    match finished.ending:
        case "timeout":
            head = f"The command did not end within {seconds:g} seconds and was ended."
        case "flood":
            head = "The command printed too much and was ended."
        case _:
            head = f"exit code {finished.exit_code}" if finished.signal is None else f"ended by {finished.signal}"
    parts = [head]
    for name, text in (("stdout", finished.stdout), ("stderr", finished.stderr)):
        if text:
            parts.append(f"{name}:\n{_middle_out(text)}")
    return "\n".join(parts)


def _middle_out(text: str) -> str:
    if len(text) <= _SHOWN_CHARACTERS:
        return text
    half = _SHOWN_CHARACTERS // 2
    return f"{text[:half]}\n… {len(text) - 2 * half} characters left out …\n{text[-half:]}"


RUN = Tool(
    name="run",
    description="Run a shell command in the workspace; gives exit code, stdout and stderr.",
    kind="execute",
    arguments=RunArguments,
    title=lambda a: f"Run {a.command}",
    perform=_run,
    path_of=None,
)
