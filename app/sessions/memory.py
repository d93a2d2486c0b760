"""Facts and decisions that a workspace remembers, as its members wrote them.

Each fact is a note of its own, called `memory/<id>`, so it travels, merges and breaks as notes do: its text is edited
character by character, and edits of two devices both stay; a hostile change costs this one fact. What is about it are
the note's fields, most of which are written once. `accepted`, `forgotten` and `edited` are stamps: when, and by whom
(`<milliseconds> <identity>`). They are fields of their own so that of an acceptance and a forgetting that did not know
of each other both are kept; then it is forgotten. A fact that is forgotten is hidden and stays in the history.

Fields are what a writer claims. Who really wrote into the note is known from the signatures of its entries, so a claim
counts only where that person is among its writers. What an agent proposes is accepted by its own person, nobody else.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from app.sessions.ids import ALPHABET

FactKind = Literal["fact", "decision"]
FactState = Literal["proposed", "accepted", "forgotten"]
FACT_KINDS: tuple[FactKind, ...] = get_args(FactKind)
FACT_STATES: tuple[FactState, ...] = get_args(FactState)
MAX_TEXT = 4_000
"""Characters of a fact; of one that is longer, so many are read."""
_PREFIX = "memory/"
_NAME = re.compile(rf"{_PREFIX}([0-7][{ALPHABET}]{{25}})")
_STAMP = re.compile("([0-9]{1,15}) ([0-9a-f]{64})")
_UNSHOWN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Stamp:
    """When something was done (milliseconds since 1970), and by which identity (hex)."""

    time: int
    by: str

    def __str__(self) -> str:
        """As a field holds it."""
        return f"{self.time} {self.by}"


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact as it stands. written: by whom it was first, "" for the identity where the note does not prove it.

    agent: who proposed it, for the person of `written`. session, event: where it comes from, where that is known.
    """

    id: str
    text: str
    kind: FactKind
    state: FactState
    written: Stamp
    agent: str | None = None
    session: str | None = None
    event: str | None = None
    accepted: Stamp | None = None
    forgotten: Stamp | None = None
    edited: Stamp | None = None


def fact_note(identifier: str) -> str:
    """The name of the note that holds a fact."""
    return f"{_PREFIX}{identifier}"


def fact_id(name: str) -> str | None:
    """The id of the fact that a note holds; None for other notes."""
    match = _NAME.fullmatch(name)
    return match[1] if match else None


def first_fields(
    written: Stamp, kind: FactKind, *, agent: str | None, session: str | None, event: str | None
) -> dict[str, str]:
    """The fields of a new fact: an agent's is a proposal, a person's is accepted as it is said."""
    given = {"kind": kind, "written": str(written), "agent": agent, "session": session, "event": event}
    stamps = {} if agent else {"accepted": str(written)}
    return {name: value for name, value in (given | stamps).items() if value}


def read_fact(name: str, text: str, fields: Mapping[str, str], writers: Collection[str]) -> Fact | None:
    """The fact of a note; None where it is none. writers: identities (hex) that signed changes of the note."""
    identifier, written = fact_id(name), _stamp(fields.get("written"))
    said = clean_text(text)
    if identifier is None or written is None or not said:
        return None
    agent, kind = _line(fields.get("agent")), fields.get("kind")
    accepted = _proven(fields.get("accepted"), writers)
    if agent is not None and accepted is not None and accepted.by != written.by:
        accepted = None
    forgotten = _proven(fields.get("forgotten"), writers)
    return Fact(
        identifier,
        said,
        "decision" if kind == "decision" else "fact",
        "forgotten" if forgotten else "accepted" if accepted else "proposed",
        written if written.by in writers else Stamp(written.time, ""),
        agent,
        _line(fields.get("session")),
        _line(fields.get("event")),
        accepted,
        forgotten,
        _proven(fields.get("edited"), writers),
    )


def clean_text(text: str) -> str:
    """A fact's text without what terminals and bidirectional text make of it; '' if nothing is left."""
    return _UNSHOWN.sub(" ", text).strip()[:MAX_TEXT].strip()


def _proven(value: str | None, writers: Collection[str]) -> Stamp | None:
    stamp = _stamp(value)
    return stamp if stamp is not None and stamp.by in writers else None


def _stamp(value: str | None) -> Stamp | None:
    match = _STAMP.fullmatch(value or "")
    return Stamp(int(match[1]), match[2]) if match else None


def _line(value: str | None) -> str | None:
    return " ".join(_UNSHOWN.sub(" ", value).split())[:200] or None if value else None
