"""The format: what was written is read again, the future is ignored, the rest refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.crypto import encode
from sync.errors import ProtocolError
from sync.protocol import messages as m
from sync.protocol.frames import MAX_FRAME, MAX_ITEMS, decode_frame, encode_frame

A, B = b"a" * 32, b"b" * 32
EVERY = (
    m.Hello(1, 1, ("x",), "Lovelace 1"),
    m.Bye("Why."),
    m.Beat(),
    m.Overview(A, B),
    m.Summary((m.SetRow(A, 1, B),), (m.SetRow(B, 2, A),), True),
    m.Ids(A, A + B),
    m.Operations(A, (b"one", b"two"), True),
    m.Chains(A, (m.ChainRow(B, 1, A, 2, B),), 1, 2, 3),
    m.Buckets(A, B, A + B),
    m.Hashes(A, B, (m.BucketRow(0, A),), True),
    m.Wanted(A, B, A, True),
    m.Entries(A, B, (b"sealed",), 3, A, 4, True),
    m.State(A, 1, B, 2, A, 3, 4, 5),
    m.WantBlob(A, B, 5),
    m.BlobData(A, B, 0, 3, b"abc"),
    m.NoBlob(A, B),
    m.Passing(A, "token", b"x"),
)


@pytest.mark.parametrize("message", EVERY, ids=lambda message: message.kind)
def test_every_message_comes_back(message: m.Message) -> None:
    assert m.decode_message(m.encode_message(message)) == message


def test_every_kind_is_tried() -> None:
    assert {message.kind for message in EVERY} == m._KINDS.keys()


@pytest.mark.parametrize("message", EVERY, ids=lambda message: message.kind)
def test_later_versions_may_add_fields(message: m.Message) -> None:
    kind, fields = decode_frame(m.encode_message(message))
    assert m.decode_message(encode_frame(kind, {**fields, "later": [{b"k": 1}]})) == message


def test_unknown_kinds_are_nothing() -> None:
    assert m.decode_message(encode_frame("from_the_future", {"x": 1})) is None


_BAD = {
    "not CBOR": b"\xff\xff",
    "empty": b"",
    "not a map": encode([1, 2]),
    "byte keys": encode({b"kind": "beat"}),
    "no kind": encode({"x": 1}),
    "kind is a number": encode({"kind": 1}),
    "another encoding": b"\xa1\x64kind\x78\x04beat",
    "truncated": m.encode_message(EVERY[3])[:-1],
    "something after it": m.encode_message(EVERY[3]) + b"\0",
    "a tag": b"\xa1\x64kind\xc1\x64beat",
    "a short id": encode_frame("ids", {"log": b"short", "ids": b""}),
    "a missing field": encode_frame("ids", {"log": A}),
    "a negative count": encode_frame("want_blob", {"workspace": A, "blob": B, "offset": -1}),
    "a bool as a number": encode_frame("want_blob", {"workspace": A, "blob": B, "offset": True}),
    "text as bytes": encode_frame("ids", {"log": A, "ids": "text"}),
    "too many chains": encode_frame("chains", {"workspace": A, "chains": [[]] * (m.MAX_CHAINS + 1)}),
    "too long a topic": encode_frame("passing", {"workspace": A, "topic": "x" * 201, "payload": b""}),
    "too large a payload": encode_frame("passing", {"workspace": A, "topic": "", "payload": bytes(65537)}),
    "too large a part": encode_frame(
        "blob", {"workspace": A, "blob": B, "offset": 0, "total": 9, "data": bytes(m.BLOB_PART + 1)}
    ),
    "an array that is not there": b"\xa1\x64kind\x9b" + b"\x3f" * 8,
    "bytes that are not there": b"\xa1\x64kind\x5b" + b"\x3f" * 8,
    "too deep": b"\xa1\x64kind" + b"\x81" * 1000 + b"\0",
    "too many parts": encode({"kind": "x", "y": [0] * MAX_ITEMS}),
    "too large": bytes(MAX_FRAME + 1),
}


@pytest.mark.parametrize("name", _BAD)
def test_bad_frames_are_refused(name: str) -> None:
    with pytest.raises(ProtocolError):
        m.decode_message(_BAD[name])


def test_a_torn_list_of_hashes() -> None:
    assert m.split(m.join((A, B))) == [A, B]
    with pytest.raises(ProtocolError):
        m.split(A + b"x")


def test_a_frame_of_ours_that_is_too_large() -> None:
    with pytest.raises(ValueError, match="over the limit"):
        encode_frame("x", {"y": bytes(MAX_FRAME)})


@given(st.binary(max_size=300))
def test_noise_is_refused_or_nothing(data: bytes) -> None:
    try:
        m.decode_message(data)
    except ProtocolError:
        pass


@given(st.sampled_from(EVERY), st.data())
def test_damaged_messages_are_refused_or_read(message: m.Message, data: st.DataObject) -> None:
    frame = bytearray(m.encode_message(message))
    for _ in range(data.draw(st.integers(1, 3))):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    try:
        m.decode_message(bytes(frame))
    except ProtocolError:
        pass
