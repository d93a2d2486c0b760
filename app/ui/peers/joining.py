"""Answering an invite: asking an owner of a workspace to be let in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.ui.words import one_line

if TYPE_CHECKING:
    from app.network.inviting import Asked
    from app.ui.desk import Desk

QUESTION = "This link invites you into a workspace. Ask to join? Its owners learn your name and your devices."


async def ask_to_join(desk: Desk, text: str) -> Asked:
    """Answer an invite by its link. IdentityError: it is none; TransportError: nobody is there who could be asked."""
    from app.network import meeting
    from sync.protocol.invite_link import read_invite

    return await meeting.join_by_link(desk.workspace, read_invite(text.strip()))


def asked_words(asked: Asked) -> str:
    """What came of asking."""
    name = one_line(asked.name)
    return f"You asked to join {name or 'the workspace'}. It is here once an owner has let you in and both have synced."
