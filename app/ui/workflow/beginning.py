"""What the window does with workflows off the main thread: reads the file, begins one, lets one go on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.agents.workflow.parsing import Parsed
    from app.ui.desk import Desk

NO_SANDBOX = "run its commands without a sandbox, because bubblewrap does not work on this computer"


@dataclass(frozen=True, slots=True)
class Offer:
    """A workflow as it was read. wishes: what it may do beyond the folders, as words that follow 'it may'."""

    parsed: Parsed
    wishes: tuple[str, ...] = ()
    is_confined: bool = True


def read_offer(path: Path) -> Offer:
    """Read and check a file. Raises UserError where it cannot be read."""
    from app.agents.sandbox import bubblewrap_works
    from app.agents.workflow.parsing import load_workflow
    from app.agents.workflow.session import wishes

    parsed = load_workflow(path)
    if parsed.workflow is None:
        return Offer(parsed)
    confined = bubblewrap_works()
    wanted = [*wishes(parsed.workflow), *([] if confined else [NO_SANDBOX])]
    return Offer(parsed, tuple(wanted), confined)


async def begin(desk: Desk, path: Path, offer: Offer, inputs: dict[str, str]) -> str:
    """The session of a workflow, which is left to the background. UserError: what is wrong before it is made."""
    from functools import partial

    from app.agents.own_command import working_folder
    from app.agents.workflow.journal import Start
    from app.agents.workflow.session import begin_workflow, chosen_agent, resolved_inputs

    workflow = offer.parsed.required()
    values = resolved_inputs(workflow, inputs)
    agent = await chosen_agent(desk.turns.agents, workflow)
    name, bound = await desk.workspace.read_async(lambda queries: (queries.workspace_row().name, queries.folders()))
    _, device = await desk.workspace.read_async(lambda queries: queries.own_device())
    holding = [folder for folder in bound if path.is_relative_to(folder)]
    folder = working_folder(name, bound, max(holding, key=lambda one: len(one.parts), default=None))
    start = Start(
        file=path.name,
        source=offer.parsed.source,
        inputs=values,
        agent=agent,
        unconfined=not offer.is_confined,
    )
    return await desk.workspace.write_async(
        partial(begin_workflow, start=start, workflow=workflow, folder=folder, device=device, now=desk.now())
    )


async def go_on(desk: Desk, session: str) -> None:
    """Let a session's workflow go on in the background. UserError where it holds none, or where it is over."""
    from app.agents.workflow.session import open_workflow, resume_workflow

    row = await desk.workspace.read_async(lambda queries: open_workflow(queries, session))
    await desk.workspace.write_async(lambda operations: resume_workflow(operations, row))
