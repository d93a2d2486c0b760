"""Known answers: whoever changes one of these changes the format, and older documents no longer fit."""

from __future__ import annotations

from sync.crypto import signing_key
from sync.documents.entry import FIRST_PREV, Entry, sign_entry
from sync.documents.guard import actor_id
from sync.documents.note import Note, note_id
from sync.documents.segment import Segment, SegmentHeader, segment_id

KEY = signing_key(bytes(range(32)))
DEVICE = KEY[32:]
WORKSPACE, GRANT = b"\1" * 32, b"\2" * 32
SESSION = "01JSESSION0000000000000000"
DOCUMENT = bytes.fromhex("ef74662c0478677e16af7685a1f959141a5d376676752093f2e6c879b5216cf5")
ACTOR = bytes.fromhex("ddefba37cbeca5247785256bab42d1d3")
CHANGE = bytes.fromhex("37ce58436f45719e34551c8324bb98e823ea9fa7171831e02ac858f75dbc52b6")
ENTRY = bytes.fromhex(
    "a8616e0161760164707265765820000000000000000000000000000000000000000000000000000000000000000065677261"
    "6e745820020202020202020202020202020202020202020202020202020202020202020266646576696365582003a107bff3"
    "ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8676368616e67657381582037ce58436f45719e34551c83"
    "24bb98e823ea9fa7171831e02ac858f75dbc52b668646f63756d656e745820ef74662c0478677e16af7685a1f959141a5d37"
    "6676752093f2e6c879b5216cf569776f726b7370616365582001010101010101010101010101010101010101010101010101"
    "01010101010101"
)
SIGNATURE = bytes.fromhex(
    "843e923565fa3ba18273acabb635654b8a01aaf1984c831f472d3b8640e67465e57f429c502bcce9a410f10cd727b3cab38b"
    "19c962997784b63e59f5e479f00d"
)


def test_ids() -> None:
    assert segment_id(SESSION, DEVICE, GRANT, 3) == DOCUMENT
    assert actor_id(WORKSPACE, DOCUMENT, DEVICE) == ACTOR
    assert note_id(WORKSPACE, "session/01J").hex() == "ccb534134beb835d3dc820d20e0d16f0977185337775ce0edceba5e75036d1c3"


def test_segment() -> None:
    segment = Segment(ACTOR)
    assert segment.core.heads()[0].hex() == "c0d3e05db0c0c73d66e17debe8b2d5d3ce115067ec313082fdebff11124f415e"
    header = SegmentHeader(SESSION, 3, "Ada", "{}")
    change = segment.append([("00000000010123456789ABCDEF", '{"v":1}')], header)
    assert change is not None and change.hash == CHANGE


def test_note() -> None:
    note = Note(ACTOR)
    assert note.core.heads()[0].hex() == "155b251f6864879163214af79e6350010979de593ac4d9fa52e01e598cb15b20"
    change = note.edit("session/01J", "Hé😀", {"name": "x"})
    assert change is not None
    assert change.hash.hex() == "29ed0dea89027e02db809e1acc6e16e9a4a1225003832c15e7d8e74301b576a6"


def test_entry() -> None:
    entry = Entry(WORKSPACE, DOCUMENT, GRANT, DEVICE, 1, FIRST_PREV, (CHANGE,))
    assert entry.encode() == ENTRY
    signed = sign_entry(entry, KEY)
    assert signed.signature == SIGNATURE
    assert signed.hash.hex() == "3a7f5a6946bed07434459abe3ec88eb6d2e73ce29a692cbe411fe53648ef0e2d"
