"""What a person asks of sync at a glance: who is there, how far every workspace is, what mailboxes do, what waits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.network.devices import called, known_devices
from app.network.forks import ForkRow, Renewal, forks, renewals
from app.network.settings import NetworkSettings, read_settings
from app.network.syncing import WorkspaceSync, mailboxes, sync_states
from app.sessions.aside_queries import AsideRow
from app.sessions.views import WorkspaceRow
from app.workspace import Workspace
from sync.store.network_rows import MailboxRow


@dataclass(frozen=True, slots=True)
class Around:
    """people: whose device each is and what it is called, by device (hex).

    aside, forks, renewed: of the workspace of the call.
    """

    settings: NetworkSettings
    workspaces: tuple[tuple[WorkspaceRow, WorkspaceSync], ...]
    mailboxes: tuple[MailboxRow, ...]
    aside: tuple[AsideRow, ...]
    people: Mapping[str, str]
    forks: tuple[ForkRow, ...] = ()
    renewed: tuple[Renewal, ...] = ()


def look_around(workspace: Workspace, there: Iterable[str]) -> Around:
    """All of it. there: devices (hex) that are connected now."""
    aside = tuple(workspace.read(lambda queries: queries.aside()))
    return Around(
        workspace.read(read_settings),
        tuple(sync_states(workspace)),
        tuple(mailboxes(workspace)),
        aside,
        name_devices(workspace, {*there, *(row.device for row in aside)}),
        tuple(forks(workspace)),
        tuple(renewals(workspace)),
    )


def name_devices(workspace: Workspace, devices: Iterable[str]) -> dict[str, str]:
    """What to call devices (hex): "Laptop" where it is one's own, "Bob, Laptop" of others."""
    known = known_devices(workspace)
    return workspace.with_engine(lambda engine: {device: called(engine, device, known) for device in devices})
