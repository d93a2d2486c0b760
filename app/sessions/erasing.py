"""Taking back single events: whose word counts, and what stays in their place.

An `erasure` counts for events of the person who signed it, whichever of the two is heard of first; for events that came
with an export, which nobody signed as theirs, everybody's counts. In the rows stays that something was said, by whom
and when. Its words leave rows, index and blobs. Bodies that the document itself holds (up to 4 KiB) stay in the
encrypted log of changes, which is signed as a whole; a purge of the session takes them out of there.
"""

from __future__ import annotations

import msgspec

from app.sessions.bodies import BODY_VERSION, Common
from app.sessions.events import AnyBody, Erasure, SessionSet, Takeover
from app.sessions.summaries import FIELD


def is_erasable(body: AnyBody) -> bool:
    """Whether an event can be taken back: not what rules a session, but titles and summaries, which repeat things."""
    if isinstance(body, SessionSet):
        return set(body.fields) in ({"title"}, {FIELD})
    return not isinstance(body, Erasure | Takeover)


def tombstone(common: Common) -> bytes:
    """The JSON that a row has in the place of an erased body."""
    fields = {"v": BODY_VERSION, "time": common.time, "turn": common.turn, "agent": common.agent, "kind": "erased"}
    return msgspec.json.encode({name: value for name, value in fields.items() if value is not None})
