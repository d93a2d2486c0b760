"""Making and opening the database key through its slots."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sync.crypto import open_sealed, passphrase_key
from sync.errors import DamagedError, LockedError, StoreError
from sync.store import keyring_slot, keyslots
from sync.store.keyslot_file import FILE_NAME
from sync.store.keyslots import PassphraseCost, add_passphrase, add_recovery, create, slot_kinds, unlock
from sync.testing import seeded_random

CHEAP = PassphraseCost(passes=1, memory=8 << 20)


class FakeKeyring:
    """A keyring in memory."""

    def __init__(self) -> None:
        self.secrets: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, user: str) -> str | None:
        return self.secrets.get((service, user))

    def set_password(self, service: str, user: str, password: str) -> None:
        self.secrets[service, user] = password

    def delete_password(self, service: str, user: str) -> None:
        del self.secrets[service, user]


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> FakeKeyring:
    fake = FakeKeyring()
    monkeypatch.setattr(keyring_slot, "find_keyrings", lambda: [fake])
    return fake


@pytest.fixture
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> list[keyring_slot.Keyring]:
        raise LockedError("There is no keyring.")

    monkeypatch.setattr(keyring_slot, "find_keyrings", refuse)


def make(home: Path, passphrase: bytes | None = b"correct horse") -> keyslots.UnlockedKey:
    return create(home, random=seeded_random(1), passphrase=passphrase, cost=CHEAP)


def answers(*given: bytes | None) -> Callable[[str], bytes | None]:
    """A prompt that gives these answers, and fails when asked once more."""
    left = list(given)
    return lambda _question: left.pop(0)


def test_passphrase_round_trip(tmp_path: Path) -> None:
    made = make(tmp_path)
    assert len(made.key) == 32 and len(made.database_id) == 16
    assert unlock(tmp_path, passphrase=b"correct horse") == made
    assert made.slot_kind == "passphrase"


@pytest.mark.parametrize(
    ("stored", "given", "opens"),
    [
        (b"p\n", b"p", True),
        (b"p", b"p\n", True),
        (b"p", b"p\r\n", True),
        (b"p\n\n", b"p\n", False),
        (b"p", b"p\n\n", False),
        (b"p ", b"p", False),
        (b"p\r", b"p", False),
        (b"\xff\x00", b"\xff\x00", True),
    ],
)
def test_one_trailing_newline_is_no_part_of_it(tmp_path: Path, stored: bytes, given: bytes, opens: bool) -> None:
    make(tmp_path, stored)
    if opens:
        unlock(tmp_path, passphrase=given)
    else:
        with pytest.raises(LockedError, match="passphrase is wrong"):
            unlock(tmp_path, passphrase=given)


@pytest.mark.parametrize("empty", [b"", b"\n", b"\r\n"])
def test_an_empty_passphrase_is_refused(tmp_path: Path, empty: bytes) -> None:
    with pytest.raises(LockedError, match="empty"):
        make(tmp_path / "new", empty)
    assert not (tmp_path / "new" / FILE_NAME).exists()
    make(tmp_path / "old")
    with pytest.raises(LockedError):
        unlock(tmp_path / "old", passphrase=empty)


def test_the_key_is_not_in_the_file_nor_printed(tmp_path: Path) -> None:
    made = make(tmp_path)
    assert made.key.hex() not in (tmp_path / FILE_NAME).read_text()
    assert "key=b" not in repr(made)


def test_two_databases_have_different_keys(tmp_path: Path) -> None:
    one = create(tmp_path / "1", random=seeded_random(1), passphrase=b"p", cost=CHEAP)
    two = create(tmp_path / "2", random=seeded_random(2), passphrase=b"p", cost=CHEAP)
    assert one.key != two.key and one.database_id != two.database_id


def test_default_cost_is_the_promised_one(tmp_path: Path) -> None:
    made = create(tmp_path, random=seeded_random(1), passphrase=b"p")
    (slot,) = json.loads((tmp_path / FILE_NAME).read_text())["slots"]
    assert (slot["passes"], slot["memory"]) == (3, 256 * 1024 * 1024)
    assert unlock(tmp_path, passphrase=b"p") == made


def test_home_is_private(tmp_path: Path) -> None:
    make(tmp_path / "a" / "b")
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700
    (tmp_path / "empty").mkdir(mode=0o755)
    make(tmp_path / "empty")
    assert stat.S_IMODE((tmp_path / "empty").stat().st_mode) == 0o700


def test_a_used_folder_keeps_its_permissions(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "something").write_text("else")
    make(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_nothing_is_made_over_existing_slots(tmp_path: Path) -> None:
    made = make(tmp_path)
    with pytest.raises(StoreError, match="already"):
        create(tmp_path, random=seeded_random(2), passphrase=b"other", cost=CHEAP)
    assert unlock(tmp_path, passphrase=b"correct horse") == made


def test_slots_are_not_made_beside_a_database_that_lost_them(tmp_path: Path) -> None:
    (tmp_path / "lovelace.db").write_bytes(b"x")
    with pytest.raises(LockedError, match="is missing"):
        make(tmp_path)
    with pytest.raises(LockedError, match="is missing"):
        unlock(tmp_path, passphrase=b"p")
    assert os.listdir(tmp_path) == ["lovelace.db"]


def test_of_two_that_make_at_once_one_wins(tmp_path: Path) -> None:
    made: list[keyslots.UnlockedKey] = []

    def random(count: int) -> bytes:
        if not made:
            made.append(make(tmp_path))
        return bytes(count)

    with pytest.raises(StoreError, match="already"):
        create(tmp_path, random=random, passphrase=b"late", cost=CHEAP)
    assert unlock(tmp_path, passphrase=b"correct horse") == made[0]


def test_the_promised_format(tmp_path: Path) -> None:
    """XChaCha20-Poly1305(KEK, key), AAD = database id followed by the kind of slot."""
    made = make(tmp_path)
    (slot,) = json.loads((tmp_path / FILE_NAME).read_text())["slots"]
    kek = passphrase_key(b"correct horse", bytes.fromhex(slot["salt"]), CHEAP.passes, CHEAP.memory)
    assert open_sealed(kek, bytes.fromhex(slot["sealed"]), made.database_id + b"passphrase") == made.key


def test_damaged_slots_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"{")
    with pytest.raises(StoreError, match="already"):
        make(tmp_path)
    with pytest.raises(DamagedError):
        unlock(tmp_path, passphrase=b"p")
    assert (tmp_path / FILE_NAME).read_bytes() == b"{"


def test_home_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError):
        make(tmp_path / "file")


def test_keyring_round_trip(tmp_path: Path, keyring: FakeKeyring) -> None:
    made = make(tmp_path, None)
    ((service, user),) = keyring.secrets
    assert (service, user) == ("lovelace", made.database_id.hex())
    assert unlock(tmp_path) == made
    assert made.slot_kind == "keyring"
    assert slot_kinds(tmp_path) == ["keyring"]


def test_keyring_without_the_key(tmp_path: Path, keyring: FakeKeyring) -> None:
    make(tmp_path, None)
    keyring.secrets.clear()
    with pytest.raises(LockedError, match="no key for this database"):
        unlock(tmp_path)


@pytest.mark.parametrize("secret", ["", "xyz", "11" * 31, "11" * 32])
def test_keyring_with_a_wrong_key(tmp_path: Path, keyring: FakeKeyring, secret: str) -> None:
    made = make(tmp_path, None)
    keyring.secrets["lovelace", made.database_id.hex()] = secret
    with pytest.raises(LockedError, match="keyring"):
        unlock(tmp_path)


@pytest.mark.usefixtures("no_keyring")
def test_without_keyring_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(LockedError, match="no keyring"):
        make(tmp_path, None)
    assert os.listdir(tmp_path) == []


def test_a_given_passphrase_is_the_only_thing_tried(tmp_path: Path, keyring: FakeKeyring) -> None:
    make(tmp_path, None)
    with pytest.raises(LockedError, match="has no passphrase"):
        unlock(tmp_path, passphrase=b"p", prompt=answers())
    add_passphrase(tmp_path, unlock(tmp_path), b"right", random=seeded_random(3), cost=CHEAP)
    with pytest.raises(LockedError, match="passphrase is wrong"):
        unlock(tmp_path, passphrase=b"wrong", prompt=answers())


def test_order_is_keyring_prompt_recovery(tmp_path: Path, keyring: FakeKeyring) -> None:
    made = make(tmp_path, None)
    add_passphrase(tmp_path, made, b"pass", random=seeded_random(3), cost=CHEAP)
    code = add_recovery(tmp_path, made, random=seeded_random(4)).encode()
    assert slot_kinds(tmp_path) == ["keyring", "passphrase", "recovery"]
    assert unlock(tmp_path, prompt=answers()).slot_kind == "keyring"
    keyring.secrets.clear()
    assert unlock(tmp_path, prompt=answers(b"pass\n")).slot_kind == "passphrase"
    assert unlock(tmp_path, prompt=answers(b"", code.lower())).slot_kind == "recovery"
    assert unlock(tmp_path, prompt=answers(b"wrong", code)).key == made.key
    with pytest.raises(LockedError) as caught:
        unlock(tmp_path, prompt=answers(b"wrong", b"AAAA"))
    for reason in ("keyring", "passphrase is wrong", "32 letters"):
        assert reason in str(caught.value)
    with pytest.raises(LockedError, match="No passphrase was given"):
        unlock(tmp_path)


def test_a_recovery_code_of_another_database(tmp_path: Path) -> None:
    first, second = make(tmp_path / "1"), make(tmp_path / "2", b"p2")
    code = add_recovery(tmp_path / "1", first, random=seeded_random(4)).encode()
    add_recovery(tmp_path / "2", second, random=seeded_random(5))
    with pytest.raises(LockedError, match="not the one"):
        unlock(tmp_path / "2", prompt=answers(None, code))


def test_a_new_passphrase_takes_the_place_of_the_old(tmp_path: Path) -> None:
    made = make(tmp_path)
    add_passphrase(tmp_path, made, b"new", random=seeded_random(3), cost=CHEAP)
    assert unlock(tmp_path, passphrase=b"new").key == made.key
    with pytest.raises(LockedError):
        unlock(tmp_path, passphrase=b"correct horse")


def test_slots_of_another_database_are_not_extended(tmp_path: Path) -> None:
    make(tmp_path / "1")
    other = create(tmp_path / "2", random=seeded_random(9), passphrase=b"p", cost=CHEAP)
    before = (tmp_path / "1" / FILE_NAME).read_bytes()
    with pytest.raises(DamagedError):
        add_recovery(tmp_path / "1", other, random=seeded_random(3))
    assert (tmp_path / "1" / FILE_NAME).read_bytes() == before


def test_every_byte_of_a_real_file_counts(tmp_path: Path) -> None:
    """Whatever single byte changes: damage is reported, or it still opens to the same key."""
    made = make(tmp_path)
    path = tmp_path / FILE_NAME
    good = path.read_bytes()
    for position in range(0, len(good), 7):
        path.write_bytes(good[:position] + bytes([good[position] ^ 1]) + good[position + 1 :])
        try:
            assert unlock(tmp_path, passphrase=b"correct horse") == made
        except DamagedError:
            continue
        assert good[position : position + 1].isspace()


def test_memory_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path)

    def fail(*_arguments: object) -> bytes:
        raise MemoryError

    monkeypatch.setattr(keyslots, "passphrase_key", fail)
    with pytest.raises(LockedError, match="8 MB"):
        unlock(tmp_path, passphrase=b"correct horse")


def test_a_passphrase_imports_no_keyring(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib\n"
        "from sync.store import keyslots\n"
        "from sync.clock import system_random\n"
        "home = pathlib.Path(sys.argv[1])\n"
        "cost = keyslots.PassphraseCost(1, 8 << 20)\n"
        "made = keyslots.create(home, random=system_random, passphrase=b'p', cost=cost)\n"
        "assert keyslots.unlock(home, passphrase=b'p') == made\n"
        "unwanted = ('keyring', 'secretstorage', 'jeepney', 'cryptography')\n"
        "print([name for name in unwanted if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "home"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "[]\n"
