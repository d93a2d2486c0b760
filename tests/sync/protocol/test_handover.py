"""Handovers: pieces of bounded size, and what is no handover."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.crypto import decode, encode
from sync.errors import ProtocolError
from sync.protocol.handover import Handover, HandoverReader, SharedMailbox, SharedWorkspace, write_handover
from tests.sync.protocol.parties import GIVEN

ids = st.binary(min_size=32, max_size=32)
texts = st.text(max_size=20)
mailboxes = st.lists(st.builds(SharedMailbox, texts, st.dictionaries(texts, texts, max_size=3)), max_size=3).map(tuple)
handovers = st.builds(
    Handover,
    ids,
    st.text(max_size=50),
    st.text(max_size=50),
    st.dictionaries(ids, st.lists(st.binary(max_size=100), min_size=1, max_size=4).map(tuple), max_size=4),
    st.dictionaries(
        ids, st.builds(SharedWorkspace, st.text(max_size=20), st.dictionaries(ids, ids, max_size=3), mailboxes)
    ),
    st.lists(st.binary(max_size=50), max_size=3).map(tuple),
)


def read(records: list[bytes]) -> Handover | None:
    reader, found = HandoverReader(), None
    for record in records:
        found = reader.take(record)
    return found


@settings(deadline=None)
@given(handovers)
def test_a_handover_arrives_as_it_was_given(handover: Handover) -> None:
    assert read(list(write_handover(handover))) == handover


def test_large_logs_travel_in_pieces() -> None:
    records = list(write_handover(GIVEN))
    assert max(map(len, records)) < 2 << 20
    assert read(records) == GIVEN


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"kept",
        encode({"part": "future"}),
        encode({"part": "person", "identity": bytes(31)}),
        encode({"part": "end", "more": 1}),
        encode([]),
    ],
)
def test_other_records_are_refused(record: bytes) -> None:
    with pytest.raises(ProtocolError):
        HandoverReader().take(record)


def test_bounds_and_order_hold() -> None:
    person, *rest, end = list(write_handover(GIVEN))
    workspace = decode(rest[-1])
    for wrong in (
        [person, person],
        [end],
        rest[:1],
        [person, end, end],
        [encode({**decode(person), "name": "x" * 201})],
        [encode({**decode(person), "addresses": [b"x"] * 65})],
        [person, encode({**workspace, "keys": {bytes(32): b"short"}})],
        [person, encode({**workspace, "mailboxes": [{"uri": "x" * 3000, "credentials": {}}]})],
        [person, encode({**workspace, "mailboxes": [{"uri": "", "credentials": {}}] * 17})],
    ):
        with pytest.raises(ProtocolError):
            read(wrong)


def test_a_handover_that_breaks_off_is_none() -> None:
    assert read(list(write_handover(GIVEN))[:-1]) is None
