"""Notes: Automerge documents with a text that several people edit at once, and a few named fields.

Root map `{v, text: Text, fields: {name → text}}` is the genesis; the first change of whoever writes into a new note
adds `name`, from which the document id follows. A text is edited character by character, so that concurrent edits of
different places both stay.

A note whose changes the core no longer bears is begun anew from its last good text, as a document of its own: its next
generation, which calls itself `<name>~<generation>`. The greatest generation is what a note reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import accumulate

from sync.crypto import domain_hash
from sync.documents.core import BuiltChange, CoreDocument, Draft

NOTE_VERSION = 1
MAX_COMPARED = 1 << 19
"""Characters of old text times characters of new text that are compared one by one (at worst 0.3 s)."""
MAX_LINES_COMPARED = 1 << 26
_FIRST_WRITER, _SECOND_WRITER = b"\1" * 16, b"\2" * 16
_RESTARTED = re.compile(r"(.+)~([1-9][0-9]{0,8})", re.DOTALL)
Splice = tuple[int, int, str]
"""(position, characters to delete, characters to insert) of a text."""


def note_id(workspace: bytes, name: str) -> bytes:
    """The document id (32 bytes) of the note with this name in a workspace, such as `session/<id>` or `profile`."""
    return domain_hash("lovelace/note/1", workspace, name.encode())


def restarted_name(name: str, generation: int) -> str:
    """What a note calls itself: its name, and from the first restart on which one it is."""
    return f"{name}~{generation}" if generation else name


def split_name(own_name: str) -> tuple[str, int]:
    """The name of a note and its generation, from what it calls itself."""
    match = _RESTARTED.fullmatch(own_name)
    return (match[1], int(match[2])) if match else (own_name, 0)


def _genesis(draft: Draft) -> None:
    draft.put(CoreDocument.root, "v", NOTE_VERSION)
    draft.create_text(CoreDocument.root, "text")
    draft.create_map(CoreDocument.root, "fields")


class Note:
    """A note in memory."""

    def __init__(self, actor: bytes) -> None:
        self.core = CoreDocument(_genesis, actor)
        self._text = self.core.child("text")
        self._fields = self.core.child("fields")

    def name(self) -> str | None:
        """What the note says its name is; None before its first change."""
        name = self.core.value(CoreDocument.root, "name")
        return name if isinstance(name, str) else None

    def text(self) -> str:
        """What it reads now."""
        return self.core.text(self._text)

    def fields(self) -> dict[str, str]:
        """The named fields; what is not text is left out."""
        pairs = ((key, self.core.value(self._fields, key)) for key in self.core.keys(self._fields))
        return {key: value for key, value in pairs if isinstance(value, str)}

    def edit(self, name: str, text: str | None = None, fields: Mapping[str, str] | None = None) -> BuiltChange | None:
        """One change that makes the text read so and sets the given fields; None when nothing differs."""
        splices = [] if text is None else self._splices(text)
        known = self.fields()
        new = {key: value for key, value in (fields or {}).items() if known.get(key) != value}
        unnamed = self.name() is None

        def apply(draft: Draft) -> None:
            if unnamed:
                draft.put(CoreDocument.root, "name", name)
            for at, delete, insert in splices:
                draft.splice(self._text, at, delete, insert)
            for key, value in new.items():
                draft.put(self._fields, key, value)

        return self.core.transact(apply) if splices or new else None

    def _splices(self, text: str) -> list[Splice]:
        old = self.text()
        if old == text:
            return []
        elements = len(self.core.keys(self._text))
        # Another program may have put several characters into one element: then places cannot be told.
        return splices_between(old, text) if elements == len(old) else [(0, elements, text)]

    def apply(self, chunks: Sequence[bytes], hashes: Iterable[bytes]) -> None:
        """Take in stored or checked changes; see `CoreDocument.apply`."""
        self.core.apply(chunks, hashes)


def merged_text(base: str, one: str, other: str) -> str:
    """What two texts that were both made from `base` give together: the edits of both, as Automerge merges them."""
    if one in (base, other):
        return other
    if other == base:
        return one
    first, second = Note(_FIRST_WRITER), Note(_SECOND_WRITER)
    begun = first.edit("merge", base)
    if begun is not None:
        second.apply([begun.chunk], [begun.hash])
    theirs = second.edit("merge", other)
    first.edit("merge", one)
    if theirs is not None:
        first.apply([theirs.chunk], [theirs.hash])
    return first.text()


def splices_between(old: str, new: str) -> list[Splice]:
    """What turns old into new, from the end to the start.

    Between the common beginning and end, changes are told by characters where that is quick, else by lines and then by
    characters within changed lines, as far as `MAX_COMPARED` goes; the rest is replaced whole.
    """
    start = _common_start(old, new)
    tail = _common_start(old[start:][::-1], new[start:][::-1])
    before, after = old[start : len(old) - tail], new[start : len(new) - tail]
    if len(before) * len(after) <= MAX_COMPARED:
        splices = _by_characters(before, after, start)
    else:
        splices = _by_lines(before, after, start)
    return splices[::-1]


def _common_start(one: str, other: str) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def _by_lines(old: str, new: str, offset: int) -> list[Splice]:
    lines, others = old.splitlines(keepends=True), new.splitlines(keepends=True)
    if len(lines) * len(others) > MAX_LINES_COMPARED:
        return [(offset, len(old), new)]
    starts = list(accumulate(map(len, lines), initial=offset))
    left = MAX_COMPARED
    splices: list[Splice] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, lines, others).get_opcodes():
        if tag == "equal":
            continue
        before, after = "".join(lines[i1:i2]), "".join(others[j1:j2])
        left -= len(before) * len(after)
        splices += _by_characters(before, after, starts[i1]) if left >= 0 else [(starts[i1], len(before), after)]
    return splices


def _by_characters(old: str, new: str, offset: int) -> list[Splice]:
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    return [(offset + i1, i2 - i1, new[j1:j2]) for tag, i1, i2, j1, j2 in matcher.get_opcodes() if tag != "equal"]
