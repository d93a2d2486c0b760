from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from app.agents.backend import Answered
from app.agents.recorder import StoreRecorder, first_answer, stored_answer
from app.sessions.events import AgentMessage, BlobRef, Draft, PermissionAnswer, PermissionRequest, UserMessage
from app.sessions.views import Author
from sync.testing import ManualClock
from tests.app.agents.support import Past, run

REQUEST = PermissionRequest(request_id="r", call_id="1", name="write", title="")


@dataclass
class Change:
    sessions: frozenset[str]


class Store:
    """A store in memory: what is appended, and a stream of changes that a test pushes."""

    def __init__(self) -> None:
        self.drafts: list[Draft] = []
        self.saved: list[Any] = []
        self.changed: asyncio.Queue[Change] = asyncio.Queue()
        self.authors: defaultdict[int, Author] = defaultdict(lambda: Author("me", "another", "Ada", None))

    async def write_async(self, operation: Callable[[Any], Any]) -> Any:
        return operation(self)

    async def read_async(self, query: Callable[[Any], Any]) -> Any:
        return query(self)

    async def changes(self, *, after: int) -> AsyncIterator[Change]:
        while True:
            yield await self.changed.get()

    def append(self, session: str, drafts: list[Draft]) -> list[str]:
        self.drafts += drafts
        return [str(len(self.drafts))]

    def save_draft(self, *row: Any) -> None:
        self.saved.append(row)

    def clear_draft(self, *row: Any) -> None:
        self.saved.append(row)

    def put_blob(self, data: bytes, *, session: str, name: str, media_type: str | None = None) -> BlobRef:
        return BlobRef(blob="hash", size=len(data), name=name, media_type=media_type)

    def last_seq(self) -> int:
        return 0

    def own_device(self) -> tuple[str, str]:
        return "me", "here"

    def events(self, session: str, *, kinds: list[str], limit: int) -> list[Past]:
        return [Past(d.body, author=self.authors[n]) for n, d in enumerate(self.drafts) if d.body.kind in kinds]

    def revealed(self, event: Past) -> Past:
        return event


def test_events_carry_time_turn_and_who_spoke() -> None:
    store = Store()
    recorder = StoreRecorder(store, "s", agent="mine", clock=ManualClock(7), turn="t")

    async def record() -> None:
        await recorder.record(UserMessage(text="x"))
        await recorder.record(AgentMessage(text="y"), AgentMessage(text="z"))
        await recorder.draft("agent_message", "half")
        await recorder.clear()
        assert await recorder.keep(b"data", "name") == BlobRef(blob="hash", size=4, name="name")

    run(record())
    assert [(draft.time, draft.turn, draft.agent) for draft in store.drafts] == [
        (7, "t", None),
        (7, "t", "mine"),
        (7, "t", "mine"),
    ]
    assert store.saved == [("s", "t", "agent_message", "half", "mine"), ("s", "t")]


def test_an_answer_of_another_process_is_found() -> None:
    store = Store()

    async def answered() -> Answered:
        waiting = asyncio.ensure_future(stored_answer(store, "s", REQUEST))
        await store.changed.put(Change(frozenset({"other"})))
        await store.changed.put(Change(frozenset({"s"})))
        await asyncio.sleep(0)
        wrong, right = (PermissionAnswer(request_id=name, answer="always") for name in ("x", "r"))
        store.append("s", [Draft(body=body, time=0) for body in (wrong, right)])
        await store.changed.put(Change(frozenset({"s"})))
        return await waiting

    assert run(answered()) == Answered(PermissionAnswer(request_id="r", answer="always"), recorded=True)


def test_nobody_elses_answer_counts_whatever_they_claim() -> None:
    store = Store()
    store.authors[0] = Author("mallory", "here", "Ada", None)
    store.authors[1] = Author("me", "here", "Ada", None, claimed=True)
    answers = [PermissionAnswer(request_id="r", answer="always")] * 2

    async def answered() -> Answered:
        waiting = asyncio.ensure_future(stored_answer(store, "s", REQUEST))
        store.append("s", [Draft(body=body, time=0) for body in answers])
        await store.changed.put(Change(frozenset({"s"})))
        store.append("s", [Draft(body=PermissionAnswer(request_id="r", answer="reject"), time=0)])
        await store.changed.put(Change(frozenset({"s"})))
        return await waiting

    assert run(answered()).answer.answer == "reject"


def test_the_first_answer_counts_and_the_other_question_ends() -> None:
    ended = []

    async def never(_: PermissionRequest) -> Answered:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)
        raise AssertionError

    async def once(request: PermissionRequest) -> Answered:
        return Answered(PermissionAnswer(request_id=request.request_id, answer="once"))

    assert run(first_answer(never, once)(REQUEST)).answer.answer == "once"
    assert ended == [True]
