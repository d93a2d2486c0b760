"""Texts that come in pieces and are shown meanwhile: what may become a secret is held back until that is known.

Held back are a last word that is no plain one, what follows a word such as "password" until a value has come and gone,
and a private key until it ends. What was let out never changes.
"""

from __future__ import annotations

from app.sessions.redaction.finding import find_secrets
from app.sessions.redaction.private_keys import LONGEST
from app.sessions.redaction.replacing import UNNUMBERED, unnumbered

REACH = 6_000
"""So far back begins at most what is still open, but for private keys."""
_CONTEXT = 1_000
"""Characters that stay known, before what comes next."""
_TELLING = ("passw", "passphrase", "pwd", "secret", "token", "credential", "key", "bearer", "basic", " -u")
_PUNCTUATION = ".,;:!?'\"`*()"
_SHORT = 6
_OPEN_WORDS = 2
"""After a telling word may come a mark such as `=`, and the value."""
_BEGIN, _END = "-----BEGIN", "-----END"


def settled(text: str) -> int:
    """How many of a growing text's characters nothing that follows can make part of a secret."""
    begun = max(0, len(text) - REACH)
    tail = text[begun:]
    held = _last_word(tail)
    lowered = tail.lower() if tail.isascii() else "".join(c.lower() if c.isascii() else c for c in tail)
    for word in _TELLING:
        at = lowered.rfind(word)
        if at >= 0 and _is_open(tail[at:]):
            held = min(held, _word_start(tail, at))
    return min(begun + held, _open_key(text))


def _last_word(text: str) -> int:
    """Where the last word begins if it may grow into a secret; the end of the text where it is a plain word."""
    if not text or text[-1].isspace():
        return len(text)
    word = text.rsplit(None, 1)[-1]
    said = word.strip(_PUNCTUATION)
    if len(said) < _SHORT or (said.isalpha() and said[1:].islower()):
        return len(text)
    return len(text) - len(word)


def _is_open(rest: str) -> bool:
    """Whether the value after the telling word that this begins with may be still to come."""
    return "\n" not in rest and len(rest.split(None, _OPEN_WORDS + 1)) <= _OPEN_WORDS + 1


def _word_start(text: str, at: int) -> int:
    while at > 0 and not text[at - 1].isspace():
        at -= 1
    return at


def _open_key(text: str) -> int:
    """Where a private key begins that has not ended; the end of the text without one."""
    begin = text.rfind(_BEGIN, max(0, len(text) - LONGEST))
    first_line = text[begin : begin + 60]
    if begin < 0 or ("KEY" not in first_line and len(first_line) == 60) or text.find(_END, begin) >= 0:
        return len(text)
    return begin


def shown_so_far(text: str) -> str:
    """What can be shown of a text that is still being written."""
    return unnumbered(text[: settled(text)])


class Growing:
    """One text that comes in pieces."""

    def __init__(self) -> None:
        self._text = ""
        self._given = 0

    def feed(self, piece: str) -> str:
        """Take the next piece; gives what can be shown now, after what was given before."""
        self._text += piece
        return self._give(settled(self._text))

    def end(self) -> str:
        """Nothing follows; gives the rest."""
        return self._give(len(self._text))

    def _give(self, end: int) -> str:
        if end <= self._given:
            return ""
        pieces, at = [], self._given
        for span in find_secrets(self._text):
            if span.end <= at:
                continue
            if span.start >= end:
                break
            if span.end > end and end < len(self._text):
                end = max(at, span.start)
                break
            pieces += [self._text[at : max(at, span.start)], UNNUMBERED]
            at = span.end
        pieces.append(self._text[at:end])
        self._given = max(at, end)
        self._forget()
        return "".join(pieces)

    def _forget(self) -> None:
        """Keep what is open, and some of the line before it."""
        cut = max(0, self._given - _CONTEXT)
        self._text, self._given = self._text[cut:], self._given - cut
