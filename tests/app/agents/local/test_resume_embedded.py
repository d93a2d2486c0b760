"""The embedded model goes on with a session that is longer than its window."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.agents.backend import TextDelta
from app.agents.local.backend import local_backend
from app.agents.local.server import LocalServer
from app.sessions.events import AgentMessage, Compaction, UserMessage
from tests.app.agents.support import Past, bodies, collect, context, run

WINDOW = 2_048


@pytest.mark.model
@pytest.mark.timeout(600)
def test_it_sums_up_what_its_window_cannot_hold(embedded_model: Path) -> None:
    history = [
        Past(UserMessage(text="Our project is called Heron. It keeps weather records of Iceland."), id="0000"),
        Past(AgentMessage(text="Noted: the project is called Heron."), id="0001"),
    ]
    for number in range(1, 12):
        text = f"Station {number} reported rain of {number * 3} millimetres and wind from the west. "
        history.append(Past(UserMessage(text=text * 5), id=f"{number:03}0"))
        history.append(Past(AgentMessage(text=f"I have added the report of station {number}."), id=f"{number:03}1"))

    async def talk() -> None:
        server = LocalServer(embedded_model, context=WINDOW)
        try:
            chat = await local_backend("local", "embedded", server).start(context(history=history))
            assert chat._opened.window == WINDOW
            updates = await collect(chat, "What is our project called? Answer with the name only.")
            await chat.close()
        finally:
            server.close()
        [compaction] = bodies(updates, Compaction)
        assert compaction.first == "0000" and compaction.last in {event.id for event in history}
        assert compaction.text
        assert "".join(update.text for update in updates if isinstance(update, TextDelta))

    run(talk(), seconds=580)
