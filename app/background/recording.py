"""Records the turns of a job: its step and its end go with the events that tell of them, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.agents.recorder import StoreRecorder
from app.sessions.events import Body, Conclusion, Plan
from app.sessions.jobs import current_step


class JobRecorder(StoreRecorder):
    """As `StoreRecorder`. used_ms: how long the job had run before. has_concluded: it says how it came out.

    what_to_do: a sentence for the person when it waits.
    """

    used_ms = 0
    has_concluded = False
    what_to_do = ""
    _is_left = False
    _begun: int | None = None

    def leave(self) -> None:
        """Being cancelled is no end from now on, and nothing is concluded: somebody else says how the job stands."""
        self._is_left = True

    async def record(self, *bodies: Body) -> Sequence[str]:
        """Append events together; their ids. A conclusion is dropped where a person has said otherwise meanwhile."""
        conclusion = next((body for body in bodies if isinstance(body, Conclusion)), None)
        if conclusion is None:
            ids = await super().record(*bodies)
        elif self._is_left and conclusion.outcome == "cancelled":
            ids = []
        else:
            self.has_concluded = True
            drafts, needs = [self._draft(body) for body in bodies], f"{conclusion.text} {self.what_to_do}".rstrip()
            ids = await self._store.write_async(
                lambda ops: ops.conclude_job(self._session, drafts, conclusion.outcome, needs)
            )
        for plan in (body for body in bodies if isinstance(body, Plan)):
            await self.note_plan(plan)
        return ids

    async def note_plan(self, plan: Plan) -> None:
        """What is worked on now."""
        await self._store.write_async(lambda ops: ops.note_step(self._session, *current_step(plan), self._time_used()))

    def _time_used(self) -> Any:
        now = self._clock.now_ms()
        self._begun = now if self._begun is None else self._begun
        return self.used_ms + now - self._begun
