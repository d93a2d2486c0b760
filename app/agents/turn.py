"""One turn of one session: a prompt goes in, its answer streams out and is recorded while it happens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from app.agents.attaching import Attachment, prompt_parts
from app.agents.backend import (
    Answered,
    Ask,
    Conversation,
    OutputDelta,
    PromptPart,
    PromptText,
    TextDelta,
    TextKind,
    Update,
)
from app.agents.live_output import LiveOutput, Pieces
from app.agents.referring import NOTHING_DRAWN, Drawn
from app.agents.stream import Joiner, bursts
from app.errors import AgentError
from app.sessions.events import (
    AgentMessage,
    BlobRef,
    Body,
    Command,
    CommandResult,
    Notice,
    PermissionRequest,
    ToolResult,
    Usage,
    UserMessage,
)

if TYPE_CHECKING:
    from app.agents.files.watch import FileWatch

DRAFT_SECONDS = 0.05
"""A streamed text is saved as a draft at most this often."""
_WIND_UP_SECONDS = 5.0


class Recorder(Protocol):
    """Writes the events of one turn; `app.agents.recorder.StoreRecorder` is the real one."""

    async def record(self, *bodies: Body) -> Sequence[str]:
        """Append events together; their ids."""
        ...

    async def draft(self, kind: TextKind, text: str) -> None:
        """Save the text that is being said, in place of what was saved before."""
        ...

    async def clear(self) -> None:
        """Forget the draft."""
        ...

    async def output(self, call: str, pieces: Pieces) -> None:
        """Save what a running command prints."""
        ...

    async def keep(self, data: bytes, name: str, media_type: str | None = None) -> BlobRef:
        """Store a payload."""
        ...


class Asking:
    """A context's `ask` for use with a `TurnRunner`.

    The person is asked once the request is recorded and shown.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._recorded: dict[str, asyncio.Event] = {}

    async def ask(self, request: PermissionRequest) -> Answered:
        """Wait until the request is in the session, then for the answer."""
        await self._event(request.request_id).wait()
        return await self._ask(request)

    def recorded(self, request_id: str) -> None:
        """The request is in the session."""
        self._event(request_id).set()

    def _event(self, request_id: str) -> asyncio.Event:
        return self._recorded.setdefault(request_id, asyncio.Event())


Listener = Callable[[Update], None]
"""Is told every update as it comes: text and output deltas, and bodies just before they are recorded."""


@dataclass(frozen=True, slots=True)
class TurnResult:
    """How a turn ended. `text`: the agent's last message. Tokens are the sum of what the agent reported."""

    outcome: Literal["completed", "cancelled"]
    text: str
    input_tokens: int = 0
    output_tokens: int = 0


class TurnRunner:
    """Runs prompts of one conversation, one at a time.

    Whatever ends a turn, what was said is kept: a message that was cut off is recorded with `interrupted`,
    and the draft is gone. An agent's failure becomes a notice in the session and is raised again.
    """

    def __init__(
        self,
        conversation: Conversation,
        recorder: Recorder,
        *,
        model: str | None = None,
        runner: str | None = None,
        listener: Listener | None = None,
        asking: Asking | None = None,
        files: FileWatch | None = None,
        draft_seconds: float = DRAFT_SECONDS,
    ) -> None:
        self._conversation = conversation
        self._recorder = recorder
        self._model = model
        self._runner = runner
        self._listener = listener
        self._asking = asking
        self._files = files
        self._joiner = Joiner(model)
        self._drafts = _Drafts(recorder, self._joiner, draft_seconds)
        self._outputs = LiveOutput(recorder.output, draft_seconds)
        self._cancelled = False
        self._text = ""
        self._tokens = (0, 0)

    async def run(
        self,
        text: str,
        *,
        by_person: bool = True,
        drawn: Drawn = NOTHING_DRAWN,
        attached: Sequence[Attachment] = (),
        is_recorded: bool = False,
    ) -> TurnResult:
        """One prompt and everything it causes. drawn: what goes with the prompt, recorded and told with it.
        attached: files that go with a person's prompt. is_recorded: it stands in the session already, said elsewhere.

        Cancelling the caller cancels the turn and still records its end.
        """
        self._cancelled = False
        self._text, self._tokens = "", (0, 0)
        await self._record_prompt(text, by_person, drawn, attached, is_recorded)
        parts = [*(PromptText(part) for part in (text, drawn.text) if part), *prompt_parts(attached)]
        work = asyncio.ensure_future(self._consume(parts) if self._files is None else self._watch(self._files, parts))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            await self._wind_up(work)
            raise

    async def _record_prompt(
        self, text: str, by_person: bool, drawn: Drawn, attached: Sequence[Attachment], is_recorded: bool
    ) -> None:
        if is_recorded:
            if drawn.events:
                await self._recorder.record(*drawn.events)
            return
        kept = tuple([await self._recorder.keep(one.data, one.name, one.media_type) for one in attached])
        said = UserMessage(text=text, attachments=kept, model=self._model, runner=self._runner)
        await self._recorder.record(said if by_person else Notice(text=text), *drawn.events)

    async def cancel(self) -> None:
        """End the running turn; `run` then returns with the outcome "cancelled"."""
        self._cancelled = True
        await self._conversation.cancel()

    async def _wind_up(self, work: asyncio.Future[TurnResult]) -> None:
        await self.cancel()
        done, _ = await asyncio.wait({work}, timeout=_WIND_UP_SECONDS)
        if not done:
            work.cancel()
        await asyncio.gather(work, return_exceptions=True)

    async def _watch(self, files: FileWatch, parts: Sequence[PromptPart]) -> TurnResult:
        """The turn, with what changes in the folders meanwhile."""
        try:
            await files.begin_turn()
            if self._cancelled:  # before there was anything to cancel
                await self._recorder.record(Notice(text="Cancelled."))
                return TurnResult("cancelled", "")
            return await self._consume(parts)
        finally:
            await files.end_turn()

    async def _consume(self, parts: Sequence[PromptPart]) -> TurnResult:
        complete = False
        try:
            updates = self._conversation.prompt(parts)
            async with aclosing(updates), aclosing(bursts(updates)) as all_bursts:
                async for burst in all_bursts:
                    await self._take_all(burst)
            complete = not self._cancelled
        except AgentError as error:
            await self._end(interrupted=True)
            await self._recorder.record(Notice(text=str(error), level="error"))
            raise
        finally:
            await self._end(interrupted=not complete)
        if not complete:
            await self._recorder.record(Notice(text="Cancelled."))
        return TurnResult("completed" if complete else "cancelled", self._text, *self._tokens)

    async def _take_all(self, burst: Sequence[Update]) -> None:
        """Record what comes together in one go; who listens hears of each update after those before it are recorded."""
        waiting: list[Body] = []
        for update in burst:
            if self._listener is not None:
                if not isinstance(update, Body):
                    waiting = await self._settle(waiting)
                self._listener(update)
            if isinstance(update, CommandResult | ToolResult):
                await self._outputs.end(update.call_id)
            waiting += self._joiner.feed(update)
            self._follow(update)
            if isinstance(update, PermissionRequest) and self._asking is not None:
                waiting = await self._settle(waiting)
                self._asking.recorded(update.request_id)
        await self._settle(waiting)
        if self._joiner.text and any(isinstance(update, TextDelta) for update in burst):
            self._drafts.touch()

    async def _settle(self, bodies: list[Body]) -> list[Body]:
        """Record bodies, and forget the draft that they complete; nothing is left."""
        if bodies:
            await self._record(bodies)
            await self._drafts.clear()
        return []

    def _follow(self, update: Update) -> None:
        match update:
            case Command(call_id=call):
                self._outputs.begin(call)
            case OutputDelta(call_id=call, text=text):
                self._outputs.feed(call, text)
            case Usage():
                self._tokens = (self._tokens[0] + update.input, self._tokens[1] + update.output)

    async def _end(self, *, interrupted: bool) -> None:
        await self._outputs.close()
        await self._record(self._joiner.finish(interrupted=interrupted))
        await self._drafts.clear()

    async def _record(self, bodies: list[Body]) -> None:
        for body in bodies:
            if isinstance(body, AgentMessage):
                self._text = body.text
        if bodies:
            await self._recorder.record(*bodies)


class _Drafts:
    """Saves the text that is being said: the first piece at once, later ones at most every `seconds`."""

    def __init__(self, recorder: Recorder, joiner: Joiner, seconds: float) -> None:
        self._recorder = recorder
        self._joiner = joiner
        self._seconds = seconds
        self._changed = False
        self._task: asyncio.Task[None] | None = None

    def touch(self) -> None:
        """The text has grown."""
        self._changed = True
        if self._task is None:
            self._task = asyncio.create_task(self._save())

    async def clear(self) -> None:
        """Stop saving and forget what was saved."""
        if self._task is None:
            return
        task, self._task = self._task, None
        self._changed = False
        task.cancel()
        await asyncio.wait({task})
        await self._recorder.clear()
        if not task.cancelled():
            task.result()

    async def _save(self) -> None:
        while True:
            while self._changed:
                self._changed = False
                await self._recorder.draft(self._joiner.kind, self._joiner.text)
                await asyncio.sleep(self._seconds)
            await asyncio.sleep(self._seconds)
