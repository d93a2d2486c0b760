"""The full-text index: an FTS5 table of words alone, with filters as tokens beside those of the text.

It keeps no text: whoever indexed it can derive it again, and a small index in memory (`Lens`) shows where the words
are. Row ids are the time in milliseconds, or the next free number after it, so that newest first is
`ORDER BY rowid DESC` and a time range is a row range. The index keeps the distance between rows with every word, so
they must not lie further apart than that: 20 more bits for a counter made it 40 % larger.
What people type is never handed to FTS5 as it is: words are ANDed, a word with punctuation becomes the phrase of its
tokens, "quoted text" a phrase, word* a prefix.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Protocol

from sqlcipher3 import dbapi2 as sqlite

from sync.store.database import Connection

MAX_WORDS = 64
MAX_COMPLETIONS = 32
_INDEXED_PREFIXES = (2, 3, 4)
_LEAF_BYTES = 3900
"""A leaf of the index fits into one page: SQLCipher keeps 80 bytes of its 4096 for itself, and FTS5's own 4050 would
spill over into a second page."""
_HASH_BYTES = 4 << 20
"""Of words in memory before they are written: so many that a frame of a transfer is written at once."""
_TOKENIZER = "tokenize=\"unicode61 remove_diacritics 2 tokenchars '_'\""
_TOKENS = re.compile(r"[\w\ue000-\uf8ff]+")
_PLAIN = re.compile(r"[\x01-\x7f\u2010-\u2027]*")
_WORDS = re.compile(r'"([^"]*)"?(\*?)|(\S+)')


def create(connection: Connection) -> None:
    """Make the empty table."""
    connection.execute(
        f"CREATE VIRTUAL TABLE search USING fts5(text, meta, content='', contentless_delete=1, {_TOKENIZER}, "
        f"prefix='{' '.join(map(str, _INDEXED_PREFIXES))}')"
    )
    connection.execute("INSERT INTO search(search, rank) VALUES('pgsz', ?)", (_LEAF_BYTES,))
    connection.execute("INSERT INTO search(search, rank) VALUES('hashsize', ?)", (_HASH_BYTES,))
    connection.execute("CREATE VIRTUAL TABLE search_term USING fts5vocab(search, instance)")


def drop(connection: Connection) -> None:
    """Remove the table, if it is there."""
    connection.execute("DROP TABLE IF EXISTS search_term")
    connection.execute("DROP TABLE IF EXISTS search")


class TextIndex(Protocol):
    """Where texts are indexed: (row, text, filter tokens)."""

    def add(self, texts: Iterable[tuple[int, str, str]]) -> None:
        """Index texts."""
        ...

    def remove(self, rows: Iterable[int]) -> None:
        """Let rows be found no more; those that are not there are fine."""
        ...

    def rows_with(self, token: str) -> list[int]:
        """The rows that have a filter token."""
        ...

    def erase(self) -> None:
        """Write the whole index anew, so that it keeps no word of removed rows, not even as signposts."""
        ...


class OwnIndex:
    """The `TextIndex` of a connection. Words of removed rows stay in it until `erase`, or until it merges them away."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, texts: Iterable[tuple[int, str, str]]) -> None:
        self._connection.executemany("INSERT INTO search(rowid, text, meta) VALUES(?,?,?)", texts)

    def remove(self, rows: Iterable[int]) -> None:
        self._connection.executemany("DELETE FROM search WHERE rowid=?", [(row,) for row in rows])

    def rows_with(self, token: str) -> list[int]:
        sql = "SELECT rowid FROM search WHERE search MATCH ?"
        return [row for (row,) in self._connection.execute(sql, (f"meta : {_quoted(token)}",))]

    def erase(self) -> None:
        self._connection.execute("INSERT INTO search(search) VALUES('optimize')")


def look_anew(connection: Connection) -> None:
    """After the tables of the index were written past it, in this transaction: let FTS5 forget what it remembers.

    It does so where a savepoint is rolled back.
    """
    connection.execute("SAVEPOINT written_past")
    connection.execute("INSERT INTO search(search, rank) VALUES('automerge', 4)")
    connection.execute("ROLLBACK TO written_past")
    connection.execute("RELEASE written_past")


class Lens:
    """A small index in memory with the same words: for texts that wait for the index, and to mark what was found."""

    def __init__(self) -> None:
        self._connection = sqlite.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._connection.execute(f"CREATE VIRTUAL TABLE search USING fts5(text, meta, {_TOKENIZER})")
        self._connection.execute("BEGIN")  # never committed: the words stay where they are counted first

    def close(self) -> None:
        """Give the memory back."""
        self._connection.close()

    @contextmanager
    def holding(self, texts: Iterable[tuple[int, str, str]]) -> Iterator[None]:
        """Meanwhile it has these: (row, text, filter tokens)."""
        try:
            OwnIndex(self._connection).add(texts)
            yield
        finally:
            self._connection.execute("ROLLBACK")
            self._connection.execute("BEGIN")

    def ranks(self, expression: str) -> dict[int, float]:
        """The rows that an expression finds, each with its rank among them; the best has the smallest."""
        return dict(self._connection.execute("SELECT rowid, rank FROM search WHERE search MATCH ?", (expression,)))

    def marked(self, expression: str, opening: str, closing: str) -> dict[int, str]:
        """The texts of the rows that an expression finds, with marks around what it finds there."""
        sql = "SELECT rowid, highlight(search, 0, ?, ?) FROM search WHERE search MATCH ?"
        return dict(self._connection.execute(sql, (opening, closing, expression)))

    def sizes(self) -> dict[int, bytes]:
        """How many words each row has; equal bytes for equal numbers."""
        return dict(self._connection.execute("SELECT id, sz FROM search_docsize"))


def first_row(time_ms: int) -> int:
    """The smallest row id of a moment."""
    return max(time_ms, 0)


def completions(connection: Connection, prefix: str) -> list[str] | None:
    """The indexed words that begin with a prefix of ASCII letters; None where there are too many of them.

    For a prefix longer than those indexed FTS5 puts together all rows of all these words before it gives the first,
    which takes 50 ms and more for frequent ones; asked for the words themselves it gives the newest rows at once. Each
    word costs a look-up of some 0.1 ms, and the more words share a long prefix, the rarer they are.
    """
    words: list[str] = []
    start = prefix
    while len(words) <= MAX_COMPLETIONS:
        found = connection.execute("SELECT term FROM search_term WHERE term>=? LIMIT 1", (start,)).fetchone()
        if found is None or not found[0].startswith(prefix):
            return words
        words.append(found[0])
        start = found[0] + "\0"  # the very next text
    return None


Completer = Callable[[str], Sequence[str] | None]
"""As `completions`, for some connection."""


def match_expression(
    query: str,
    filters: Sequence[Sequence[str]] = (),
    *,
    as_typed: bool = False,
    complete: Completer = lambda _: None,
) -> str | None:
    """The FTS5 expression for what a person typed; None when it holds no word.

    filters: each a list of alternative tokens, all of which must hold. as_typed: the last word is still being typed, so
    it counts as a prefix once its last token has two characters. Words beyond `MAX_WORDS` are left aside.
    """
    phrases = _phrases(query, as_typed, complete)
    if not phrases:
        return None
    parts = [f"text : ({' AND '.join(phrases)})"]
    parts += [f"meta : ({' OR '.join(map(_quoted, tokens))})" for tokens in filters]
    return " AND ".join(parts)


def marking_expression(query: str, *, as_typed: bool = False) -> str | None:
    """The FTS5 expression for texts with any of the words, in which all of them are to be marked."""
    phrases = _phrases(query, as_typed, lambda _: None)
    return f"text : ({' OR '.join(phrases)})" if phrases else None


def words_of(query: str) -> list[str]:
    """The words that a person typed, in small letters."""
    return [word.lower() for word in _TOKENS.findall(query)][:MAX_WORDS]


def marking_pattern(query: str, *, as_typed: bool = False) -> re.Pattern[str] | None:
    """What `marking_expression` marks, for plain texts (see `is_plain`), where it is quicker; as a group.

    None where only FTS5 knows: words beyond ASCII, and phrases that may overlap.
    """
    phrases = list(islice(_parsed(query, as_typed), MAX_WORDS))
    tokens = [token for _, found, _ in phrases for token in found]
    may_overlap = len(tokens) > len(phrases) and (len(phrases) > 1 or len({t.lower() for t in tokens}) < len(tokens))
    if not phrases or may_overlap or not all(phrase.isascii() for phrase, _, _ in phrases):
        return None
    words = [r"\W+".join(found) + (r"\w*" if is_prefix else "") for _, found, is_prefix in phrases]
    return re.compile(rf"\b({'|'.join(words)})\b", re.ASCII | re.IGNORECASE)


def is_plain(text: str) -> bool:
    """Whether FTS5 finds words as in ASCII: there is nothing else in it but dashes, quotes and ellipses."""
    return _PLAIN.fullmatch(text) is not None


def _phrases(query: str, as_typed: bool, complete: Completer) -> list[str]:
    return [
        _completed(phrase, complete) if is_prefix else _quoted(phrase)
        for phrase, _, is_prefix in islice(_parsed(query, as_typed), MAX_WORDS)
    ]


def _parsed(query: str, as_typed: bool) -> Iterator[tuple[str, list[str], bool]]:
    """What a person typed: each phrase, its tokens, and whether its last token is a prefix."""
    text = query.encode("utf-8", "replace").decode().replace("\0", " ")
    for match in _WORDS.finditer(text):
        quoted, star, word = match.groups()
        phrase = quoted if word is None else word.rstrip("*").replace('"', " ")
        tokens = _TOKENS.findall(phrase)
        if tokens:
            typing = as_typed and word is not None and match.end() == len(text) and len(tokens[-1]) > 1
            yield phrase, tokens, typing or (bool(star) if word is None else word.endswith("*"))


def _completed(phrase: str, complete: Completer) -> str:
    """A prefix, as the words that begin with it where that is quicker."""
    is_word = phrase.isascii() and _TOKENS.fullmatch(phrase) is not None and len(phrase) > _INDEXED_PREFIXES[-1]
    words = complete(phrase.lower()) if is_word else None
    return f"({' OR '.join(map(_quoted, words))})" if words else _quoted(phrase) + "*"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
