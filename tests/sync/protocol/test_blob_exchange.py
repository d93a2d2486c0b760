"""Blobs on demand."""

from __future__ import annotations

import pytest

from sync.crypto import domain_hash
from sync.protocol.blob_exchange import AT_ONCE, MAX_WAITING
from sync.protocol.happenings import BlobMissing, BlobProgress, BlobWhole
from sync.protocol.messages import BLOB_PART, BlobData, WantBlob, decode_message, encode_message
from tests.helpers.memory_replica import MemoryReplica
from tests.helpers.peer_network import End, PeerNetwork

WORKSPACE = b"w" * 32


def _blob(size: int, fill: bytes = b"x") -> tuple[bytes, bytes]:
    data = (fill * size)[:size]
    return domain_hash("test/blob", data), data


@pytest.fixture
def pair() -> tuple[PeerNetwork, End, End]:
    left, right = MemoryReplica(1), MemoryReplica(2)
    for member in (left.device, right.device):
        left.invite(WORKSPACE, member)
    right.operations_of[WORKSPACE] = dict(left.operations_of[WORKSPACE])
    network = PeerNetwork()
    ends = network.connect(left, right)
    network.settle()
    return network, *ends


@pytest.mark.parametrize("size", [0, 1, BLOB_PART, BLOB_PART + 1, 5 * BLOB_PART])
def test_a_blob_comes_whole(pair: tuple[PeerNetwork, End, End], size: int) -> None:
    network, here, there = pair
    blob, data = _blob(size)
    there.replica.blobs[blob] = data
    here.conversation.want_blob(WORKSPACE, blob)
    network.settle()
    assert here.replica.blobs[blob] == data
    assert here.of(BlobWhole) == [BlobWhole(WORKSPACE, blob)]
    assert here.of(BlobProgress)[-1] == BlobProgress(WORKSPACE, blob, size, size)
    assert all(size < BLOB_PART + 300 for _, size in there.log)


@pytest.mark.parametrize("knows", [False, True])
def test_it_goes_on_where_it_stopped(pair: tuple[PeerNetwork, End, End], knows: bool) -> None:
    network, here, there = pair
    blob, data = _blob(8 * BLOB_PART)
    there.replica.blobs[blob] = data
    here.replica.partial[blob] = data[: 6 * BLOB_PART]
    here.conversation.want_blob(WORKSPACE, blob, 6 * BLOB_PART if knows else 0)
    network.settle()
    assert here.replica.blobs[blob] == data and here.of(BlobWhole)
    if knows:
        assert there.kinds().count("blob") == 2


def test_only_the_first_part_is_wasted(pair: tuple[PeerNetwork, End, End]) -> None:
    _network, here, there = pair
    blob, data = _blob(8 * BLOB_PART)
    there.replica.blobs[blob] = data
    here.replica.partial[blob] = data[: 6 * BLOB_PART]
    here.conversation.want_blob(WORKSPACE, blob)
    parts = 0
    while blob not in here.replica.blobs:
        while (frame := here.conversation.next_frame()) is not None:
            there.conversation.receive(frame)
        part = there.conversation.next_frame()
        assert part is not None
        here.conversation.receive(part)
        parts += 1
    assert here.replica.blobs[blob] == data and parts == 3


def test_the_rest_comes_over_the_next_connection(pair: tuple[PeerNetwork, End, End]) -> None:
    network, here, there = pair
    blob, data = _blob(8 * BLOB_PART)
    there.replica.blobs[blob] = data
    here.conversation.want_blob(WORKSPACE, blob)
    while len(here.replica.partial.get(blob, b"")) < 3 * BLOB_PART:
        network.step()
    network.cut(0)
    here, there = network.connect(here.replica, there.replica)
    network.settle()
    here.conversation.want_blob(WORKSPACE, blob, len(here.replica.partial[blob]))
    network.settle()
    assert here.replica.blobs[blob] == data and there.kinds().count("blob") <= 5


def test_several_at_once_and_the_rest_waits(pair: tuple[PeerNetwork, End, End]) -> None:
    _network, here, there = pair
    blobs = dict(_blob(3 * BLOB_PART, bytes([65 + number])) for number in range(10))
    there.replica.blobs.update(blobs)
    for blob in blobs:
        here.conversation.want_blob(WORKSPACE, blob)
    wanted = 0
    while here.conversation.next_frame() is not None:
        wanted += 1
    assert wanted == AT_ONCE


def test_all_of_many_come(pair: tuple[PeerNetwork, End, End]) -> None:
    network, here, there = pair
    blobs = dict(_blob(2 * BLOB_PART, bytes([65 + number])) for number in range(10))
    there.replica.blobs.update(blobs)
    for blob in blobs:
        here.conversation.want_blob(WORKSPACE, blob)
    network.settle()
    assert here.replica.blobs == blobs


def test_one_that_is_not_there(pair: tuple[PeerNetwork, End, End]) -> None:
    network, here, _ = pair
    here.conversation.want_blob(WORKSPACE, b"n" * 32)
    network.settle()
    (missing,) = here.of(BlobMissing)
    assert isinstance(missing, BlobMissing) and "does not have it" in missing.reason


def test_one_that_is_not_what_its_name_says(pair: tuple[PeerNetwork, End, End]) -> None:
    network, here, there = pair
    there.replica.blobs[b"n" * 32] = b"something else"
    here.conversation.want_blob(WORKSPACE, b"n" * 32)
    network.settle()
    assert here.of(BlobMissing) and not here.replica.blobs and not here.of(BlobWhole)


def test_parts_that_nobody_asked_for_are_not_kept(pair: tuple[PeerNetwork, End, End]) -> None:
    _, here, _ = pair
    blob, data = _blob(10)
    here.conversation.receive(encode_message(BlobData(WORKSPACE, blob, 0, 10, data)))
    assert not here.replica.blobs and not here.replica.partial


@pytest.mark.parametrize("data", [b"abc", b""])
def test_parts_that_cannot_be(pair: tuple[PeerNetwork, End, End], data: bytes) -> None:
    network, here, _there = pair
    here.conversation.want_blob(WORKSPACE, b"n" * 32)
    here.conversation.receive(encode_message(BlobData(WORKSPACE, b"n" * 32, 0, 2, data)))
    network.tick()
    assert here.of(BlobMissing) and not here.replica.partial


def test_one_that_stops_is_given_up(pair: tuple[PeerNetwork, End, End]) -> None:
    network, here, _there = pair
    here.conversation.want_blob(WORKSPACE, b"n" * 32)
    while here.conversation.next_frame() is not None:
        pass
    for _ in range(13):
        network.settle()
        network.tick()
    assert here.of(BlobMissing)


def test_asking_for_too_many_is_answered_at_once(pair: tuple[PeerNetwork, End, End]) -> None:
    network, here, _ = pair
    for number in range(MAX_WAITING + AT_ONCE + 1):
        here.conversation.want_blob(WORKSPACE, number.to_bytes(32, "big"))
    network.tick()
    assert len(here.of(BlobMissing)) == 1


def test_asking_again_moves(pair: tuple[PeerNetwork, End, End]) -> None:
    _, _here, there = pair
    blob, data = _blob(4 * BLOB_PART)
    there.replica.blobs[blob] = data
    there.conversation.receive(encode_message(WantBlob(WORKSPACE, blob, 0)))
    there.conversation.next_frame()
    there.conversation.receive(encode_message(WantBlob(WORKSPACE, blob, 3 * BLOB_PART)))
    frame = there.conversation.next_frame()
    assert frame is not None
    part = decode_message(frame)
    assert isinstance(part, BlobData) and part.offset == 3 * BLOB_PART
    assert there.conversation.next_frame() is None
