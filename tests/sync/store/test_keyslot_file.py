"""The key slot file against damage, hostile content and crashes while writing."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.crypto import derive_key, domain_hash, encode
from sync.errors import DamagedError, LockedError, NewerDatabaseError, StoreError
from sync.store.keyslot_file import (
    FILE_NAME,
    MAX_FILE_BYTES,
    KeyringSlot,
    Keyslots,
    PassphraseSlot,
    RecoverySlot,
    check_mac,
    make_keyslots,
    parse_keyslots,
    read_keyslots,
    write_keyslots,
)

KEY = b"k" * 32
PASSPHRASE = PassphraseSlot("5a" * 16, 3, 256 << 20, "22" * 72)
SLOTS = (RecoverySlot("33" * 72), KeyringSlot("11" * 72), PASSPHRASE)
KEYSLOTS = make_keyslots(b"d" * 16, SLOTS, KEY)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_keyslots(tmp_path, KEYSLOTS, replace=False)
    return tmp_path


def text_of(keyslots: Keyslots = KEYSLOTS, **changes: Any) -> bytes:
    value = {**msgspec.to_builtins(keyslots), **changes}
    return json.dumps({name: item for name, item in value.items() if item is not ...}).encode()


def resealed(**changes: Any) -> bytes:
    """A file with other content and the right checksum and MAC: only the bounds can refuse it."""
    value = json.loads(text_of(**changes))
    content = encode({name: value[name] for name in ("version", "database_id", "slots")})
    value["checksum"] = domain_hash("lovelace/keyslots-checksum/1", content).hex()
    value["mac"] = derive_key(KEY, "lovelace/keyslots-mac/1", content).hex()
    return json.dumps(value).encode()


def slot(**changes: Any) -> list[dict[str, Any]]:
    plain = {"kind": "passphrase", "salt": "5a" * 16, "passes": 3, "memory": 256 << 20, "sealed": "22" * 72}
    return [{name: item for name, item in {**plain, **changes}.items() if item is not ...}]


def test_round_trip(home: Path) -> None:
    assert read_keyslots(home) == KEYSLOTS
    check_mac(read_keyslots(home), KEY)


def test_slots_stand_in_the_order_in_which_they_are_tried() -> None:
    assert [type(slot) for slot in KEYSLOTS.slots] == [KeyringSlot, PassphraseSlot, RecoverySlot]


def test_only_the_owner_may_read_it(home: Path) -> None:
    assert stat.S_IMODE((home / FILE_NAME).stat().st_mode) == 0o600


def test_nothing_else_is_left_in_the_folder(home: Path) -> None:
    assert os.listdir(home) == [FILE_NAME]


def test_an_existing_file_stays_unless_replaced(home: Path) -> None:
    other = make_keyslots(b"e" * 16, SLOTS, KEY)
    with pytest.raises(StoreError, match="already"):
        write_keyslots(home, other, replace=False)
    assert read_keyslots(home) == KEYSLOTS
    write_keyslots(home, other, replace=True)
    assert read_keyslots(home) == other
    assert os.listdir(home) == [FILE_NAME]


def test_a_full_disk_leaves_the_old_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StoreError, match="No space left"):
        write_keyslots(home, make_keyslots(b"e" * 16, SLOTS, KEY), replace=True)
    assert read_keyslots(home) == KEYSLOTS
    assert os.listdir(home) == [FILE_NAME]


def test_file_and_folder_are_on_the_disk_before_it_counts(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[bool] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(stat.S_ISDIR(os.fstat(descriptor).st_mode)))
    write_keyslots(home, KEYSLOTS, replace=True)
    assert synced == [False, True]


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(LockedError, match="no database"):
        read_keyslots(tmp_path)
    (tmp_path / "lovelace.db").write_bytes(b"x")
    with pytest.raises(LockedError, match="is missing"):
        read_keyslots(tmp_path)


def test_a_folder_in_its_place_is_damage(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises(DamagedError):
        read_keyslots(tmp_path)


def test_the_sentence_names_the_file(home: Path) -> None:
    (home / FILE_NAME).write_bytes(b"")
    with pytest.raises(DamagedError, match=r"keyslots\.json is damaged: It is not JSON\. Put back"):
        read_keyslots(home)


@given(st.data())
def test_every_changed_byte_is_noticed(data: st.DataObject) -> None:
    changed = bytearray(text_of())
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        keyslots = parse_keyslots(bytes(changed))
    except (DamagedError, NewerDatabaseError):
        return
    assert keyslots.checksum == KEYSLOTS.checksum
    assert keyslots.slots == KEYSLOTS.slots  # a space became another one, or only the MAC changed
    if keyslots != KEYSLOTS:
        with pytest.raises(DamagedError):
            check_mac(keyslots, KEY)


@given(st.integers(0, len(text_of()) - 1))
def test_every_truncation_is_noticed(length: int) -> None:
    with pytest.raises(DamagedError):
        parse_keyslots(text_of()[:length])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(["version", "database_id", "slots", "checksum", "mac", "more"]), json_values)
def test_any_value_in_any_place_is_refused(name: str, value: Any) -> None:
    if name == "version" and value == 1 and type(value) is not bool:
        return
    with pytest.raises((DamagedError, NewerDatabaseError)):
        parse_keyslots(text_of(**{name: value}))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe{}",
        b"\xef\xbb\xbf" + text_of(),
        text_of().replace(b"keyring", b"key\xffing"),
        text_of(mac=...),
        text_of(slots=...),
        text_of(version="1"),
        text_of(version=0),
        text_of(version=True),
        text_of(version=10**30),
        text_of().replace(b'"version": 1', b'"version": 1, "version": 1'),
        text_of().replace(b'"version": 1', b'"version": 1' + b"0" * 5000),
        text_of().replace(b'"version": 1', b'"version": NaN'),
        b"[" * 60_000,
        b'{"a":' * 10_000,
        text_of() + b" " * MAX_FILE_BYTES,
        text_of() + b"x",
    ],
)
def test_nonsense_is_refused(data: bytes) -> None:
    with pytest.raises(DamagedError):
        parse_keyslots(data)


def test_a_newer_version_is_named() -> None:
    with pytest.raises(NewerDatabaseError, match="newer version"):
        parse_keyslots(text_of(version=2, slots=[{"kind": "tpm"}]))


def test_the_helper_makes_files_that_are_read() -> None:
    check_mac(parse_keyslots(resealed(slots=slot())), KEY)


@pytest.mark.parametrize(
    "slots",
    [
        [],
        slot() + slot(),
        slot(kind="tpm"),
        slot(kind=...),
        slot(more=1),
        slot(salt=...),
        slot(salt="5a" * 15),
        slot(salt="5A" * 16),
        slot(salt="5a" * 16 + "\n"),
        slot(sealed="22" * 71),
        slot(sealed=" " * 144),
        slot(passes=0),
        slot(passes=1_000_000),
        slot(passes=True),
        slot(passes=3.5),
        slot(memory=1024),
        slot(memory=1 << 40),
        slot(memory=1 << 70),
        slot(memory=-1),
    ],
)
def test_hostile_slots_are_refused(slots: list[Any]) -> None:
    with pytest.raises(DamagedError):
        parse_keyslots(resealed(slots=slots) if _encodable(slots) else text_of(slots=slots))


def _encodable(slots: list[Any]) -> bool:
    numbers = [value for slot in slots for value in slot.values() if not isinstance(value, str)]
    return all(type(number) in (int, bool) and -(2**64) <= number < 2**64 for number in numbers)


def test_another_key_does_not_vouch_for_the_file() -> None:
    with pytest.raises(DamagedError, match="changed by something"):
        check_mac(KEYSLOTS, b"l" * 32)


def test_a_slot_removed_without_the_key_is_noticed() -> None:
    value = json.loads(text_of())
    value["slots"].pop()
    content = encode({name: value[name] for name in ("version", "database_id", "slots")})
    value["checksum"] = domain_hash("lovelace/keyslots-checksum/1", content).hex()
    with pytest.raises(DamagedError, match="changed by something"):
        check_mac(parse_keyslots(json.dumps(value).encode()), KEY)
