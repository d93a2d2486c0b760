"""Adding, removing and trying slots: nobody is locked out by it, whatever comes in between."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sync.errors import DamagedError, LockedError, StoreError
from sync.store import keyslot_file, keyslots
from sync.store.keyslot_file import FILE_NAME
from sync.store.keyslots import add_passphrase, add_recovery, is_same_code, remove_slot, slot_kinds, slot_states, unlock
from sync.testing import seeded_random

CHEAP = keyslots.PassphraseCost(passes=1, memory=8 << 20)


@pytest.fixture
def made(tmp_path: Path) -> keyslots.UnlockedKey:
    return keyslots.create(tmp_path, random=seeded_random(1), passphrase=b"correct horse", cost=CHEAP)


def answers(*given: bytes | None) -> Callable[[str], bytes | None]:
    left = list(given)
    return lambda _question: left.pop(0)


def test_a_recovery_code_may_stand_for_the_passphrase(tmp_path: Path, made: keyslots.UnlockedKey) -> None:
    code = add_recovery(tmp_path, made, random=seeded_random(4))
    for form in (code, code.lower(), code.replace("-", " "), code.replace("-", "") + "\n", f"  {code}"):
        assert unlock(tmp_path, passphrase=form.encode()).slot_kind == "recovery"
        assert unlock(tmp_path, prompt=answers(form.encode())).key == made.key
        assert is_same_code(code, form)
    assert unlock(tmp_path, passphrase=b"correct horse").slot_kind == "passphrase"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda code: ("B" if code[0] == "A" else "A") + code[1:], "wrong character"),
        (lambda code: code[:-1], "this has 31"),
        (lambda code: code + "A", "this has 33"),
        (lambda code: code[:-1] + "9", "only the letters"),
        (lambda code: code[5:] + "-" + code[:4], "wrong character"),
    ],
)
def test_a_mistyped_code_is_called_that(
    tmp_path: Path, made: keyslots.UnlockedKey, change: Callable[[str], str], words: str
) -> None:
    code = add_recovery(tmp_path, made, random=seeded_random(4))
    typed = change(code)
    assert not is_same_code(code, typed)
    with pytest.raises(LockedError, match=words):
        unlock(tmp_path, passphrase=typed.encode())
    remove_slot(tmp_path, made, "passphrase")
    with pytest.raises(LockedError, match=words):
        unlock(tmp_path, passphrase=typed.encode())


def test_a_code_where_there_is_none(tmp_path: Path, made: keyslots.UnlockedKey) -> None:
    code = add_recovery(tmp_path, made, random=seeded_random(4))
    remove_slot(tmp_path, made, "recovery")
    with pytest.raises(LockedError, match="the database has none"):
        unlock(tmp_path, passphrase=code.encode())


def test_a_passphrase_of_32_letters_is_a_passphrase(tmp_path: Path, made: keyslots.UnlockedKey) -> None:
    letters = b"abcd efgh ijkl mnop qrst uvwx yzab cdef"
    add_recovery(tmp_path, made, random=seeded_random(4))
    add_passphrase(tmp_path, made, letters, random=seeded_random(5), cost=CHEAP)
    assert unlock(tmp_path, passphrase=letters).slot_kind == "passphrase"


def test_a_check_that_fails_changes_nothing(tmp_path: Path, made: keyslots.UnlockedKey) -> None:
    before = (tmp_path / FILE_NAME).read_bytes()

    def refuse(_code: str) -> None:
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        add_recovery(tmp_path, made, random=seeded_random(4), check=refuse)
    assert (tmp_path / FILE_NAME).read_bytes() == before


def test_slots_are_removed_but_never_the_last(tmp_path: Path, made: keyslots.UnlockedKey) -> None:
    with pytest.raises(StoreError, match="only way to open"):
        remove_slot(tmp_path, made, "passphrase")
    with pytest.raises(StoreError, match="no recovery slot"):
        remove_slot(tmp_path, made, "recovery")
    code = add_recovery(tmp_path, made, random=seeded_random(4))
    remove_slot(tmp_path, made, "passphrase")
    assert slot_kinds(tmp_path) == ["recovery"]
    with pytest.raises(LockedError, match="no passphrase"):
        unlock(tmp_path, passphrase=b"correct horse")
    with pytest.raises(StoreError, match="only way to open"):
        remove_slot(tmp_path, made, "recovery")
    assert unlock(tmp_path, passphrase=code.encode()).key == made.key


def test_what_can_be_tried_without_asking_is(tmp_path: Path, made: keyslots.UnlockedKey) -> None:
    code = add_recovery(tmp_path, made, random=seeded_random(4))

    def tried(passphrase: bytes | None) -> list[tuple[str, bool | None]]:
        return [(state.kind, state.opens) for state in slot_states(tmp_path, passphrase)]

    assert tried(None) == [("passphrase", None), ("recovery", None)]
    assert tried(b"correct horse") == [("passphrase", True), ("recovery", None)]
    assert tried(b"wrong") == [("passphrase", False), ("recovery", None)]
    assert tried(code.encode()) == [("passphrase", None), ("recovery", True)]


def test_slots_of_another_database_and_changed_ones(tmp_path: Path, made: keyslots.UnlockedKey) -> None:
    other = keyslots.create(tmp_path / "other", random=seeded_random(9), passphrase=b"p", cost=CHEAP)
    add_recovery(tmp_path, made, random=seeded_random(4))
    with pytest.raises(DamagedError, match="does not have the database key"):
        remove_slot(tmp_path, other, "recovery")
    assert slot_kinds(tmp_path) == ["passphrase", "recovery"]


@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_a_failure_in_between_leaves_the_old_slots(
    tmp_path: Path, made: keyslots.UnlockedKey, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keyslot_file.os, moment, fail)
    with pytest.raises(StoreError, match="No space left"):
        add_passphrase(tmp_path, made, b"new", random=seeded_random(4), cost=CHEAP)
    monkeypatch.undo()
    assert unlock(tmp_path, passphrase=b"correct horse").key == made.key
    assert sorted(os.listdir(tmp_path)) == [FILE_NAME, "keyslots.lock"]
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o777 == 0o600


def test_changes_at_once_do_not_lose_each_other(tmp_path: Path, made: keyslots.UnlockedKey) -> None:
    for _ in range(10):
        with ThreadPoolExecutor(2) as pool:
            one = pool.submit(add_passphrase, tmp_path, made, b"new", random=seeded_random(3), cost=CHEAP)
            other = pool.submit(add_recovery, tmp_path, made, random=seeded_random(4))
            one.result()
            code = other.result()
        assert unlock(tmp_path, passphrase=b"new").key == unlock(tmp_path, passphrase=code.encode()).key
        remove_slot(tmp_path, made, "recovery")
