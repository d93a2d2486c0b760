"""Making and opening the random key of a database through its key slots.

A slot seals the key under a key-encryption key (KEK) that comes from the operating system's keyring, a
passphrase or a code on paper; `keyslot_file` says how they are stored. Nothing here reads environment
variables. Whoever gives a passphrase up front (a script) gets exactly that: only the passphrase slot is made
or tried, and the keyring is not even imported.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sync.clock import Random
from sync.crypto import (
    KEY_BYTES,
    PASSPHRASE_MEMORY,
    PASSPHRASE_PASSES,
    SALT_BYTES,
    domain_hash,
    open_sealed,
    passphrase_key,
    seal,
)
from sync.errors import IdentityError, LockedError, ProtocolError, StoreError
from sync.identity.recovery import SECRET_BYTES, looks_like_code, read_code, show_code
from sync.store.durable import make_folder
from sync.store.keyslot_file import (
    DATABASE_ID_BYTES,
    DATABASE_NAME,
    FILE_NAME,
    KINDS,
    KeyringSlot,
    Keyslots,
    PassphraseSlot,
    RecoverySlot,
    Slot,
    SlotKind,
    changing,
    check_mac,
    describe_missing,
    make_keyslots,
    read_keyslots,
    write_keyslots,
)

_RECOVERY_CODE = "lovelace/database-recovery-code/1"
_RECOVERY_KEK = "lovelace/database-recovery-kek/1"

Prompt = Callable[[str], bytes | None]
"""Asks the person a question without showing the answer; None when they do not answer."""


@dataclass(frozen=True, slots=True)
class UnlockedKey:
    """The key of a database."""

    key: bytes = field(repr=False)
    """32 bytes, SQLCipher's raw key."""
    database_id: bytes
    """16 bytes, which also stand in the database itself."""
    slot_kind: SlotKind
    """Which slot gave the key."""


@dataclass(frozen=True, slots=True)
class PassphraseCost:
    """What trying one passphrase costs: Argon2id passes, and memory in bytes."""

    passes: int = PASSPHRASE_PASSES
    memory: int = PASSPHRASE_MEMORY


DEFAULT_COST = PassphraseCost()


def create(
    home: Path,
    *,
    random: Random,
    passphrase: bytes | None = None,
    cost: PassphraseCost = DEFAULT_COST,
    before: Callable[[UnlockedKey], None] = lambda _made: None,
) -> UnlockedKey:
    """Make the key of a new database and its first slot: of the passphrase if given, else of the keyring.

    Makes the folder. before: gets the key before the slots count; if it raises, there are none.
    LockedError when there is no usable keyring, or a database without its key slots;
    StoreError when key slots are there already (nothing is ever overwritten) or cannot be written.
    """
    _prepare_home(home)
    key, database_id = random(KEY_BYTES), random(DATABASE_ID_BYTES)
    slot: Slot
    if passphrase is None:
        slot = _make_keyring_slot(key, database_id, random)
    else:
        slot = _make_passphrase_slot(key, database_id, passphrase, cost, random)
    made = UnlockedKey(key, database_id, KINDS[type(slot)])
    before(made)
    write_keyslots(home, make_keyslots(database_id, (slot,), key), replace=False)
    return made


def unlock(home: Path, *, passphrase: bytes | None = None, prompt: Prompt | None = None) -> UnlockedKey:
    """Open the key of a database: with the passphrase if given, else by keyring, prompt, recovery code.

    A recovery code that is given in place of a passphrase counts as one. LockedError says why nothing opened it;
    DamagedError when the file cannot be trusted.
    """
    keyslots = read_keyslots(home)
    if passphrase is not None:
        return _open_given(keyslots, passphrase)
    problems: list[str] = []
    for kind in KINDS.values():
        slot = keyslots.find(kind)
        if slot is None:
            continue
        try:
            return _open_asked(keyslots, slot, prompt)
        except LockedError as error:
            problems.append(str(error))
    raise LockedError(" ".join(problems))


def slot_kinds(home: Path) -> list[SlotKind]:
    """The ways in which the database can be opened. Errors as `unlock`, without needing a key."""
    return [KINDS[type(slot)] for slot in read_keyslots(home).slots]


def add_passphrase(
    home: Path,
    unlocked: UnlockedKey,
    passphrase: bytes,
    *,
    random: Random,
    cost: PassphraseCost = DEFAULT_COST,
) -> None:
    """Let a passphrase open the database; it takes the place of an earlier one."""
    slot = _make_passphrase_slot(unlocked.key, unlocked.database_id, passphrase, cost, random)
    _put_slot(home, unlocked, slot)


def add_recovery(
    home: Path, unlocked: UnlockedKey, *, random: Random, check: Callable[[str], None] = lambda _code: None
) -> str:
    """Let a code on paper open the database, in place of an earlier one. The code is kept nowhere.

    check: gets the code before it counts; if it raises, nothing is changed.
    """
    code = new_recovery_code(random)
    check(code)
    put_recovery(home, unlocked, code, random=random)
    return code


def new_recovery_code(random: Random) -> str:
    """A code that opens nothing yet; `put_recovery` makes it count once it has been written down."""
    return show_code(random(SECRET_BYTES), _RECOVERY_CODE)


def put_recovery(home: Path, unlocked: UnlockedKey, code: str, *, random: Random) -> None:
    """Let a code of `new_recovery_code` open the database, in place of an earlier one."""
    kek = _recovery_kek(_read_recovery_code(code.encode()))
    sealed = seal(kek, unlocked.key, _aad(unlocked.database_id, "recovery"), random)
    _put_slot(home, unlocked, RecoverySlot(sealed.hex()))


def is_same_code(code: str, typed: str) -> bool:
    """Whether somebody typed a recovery code again, forgiving what reading it forgives."""
    try:
        return read_code(typed, _RECOVERY_CODE) == read_code(code, _RECOVERY_CODE)
    except IdentityError:
        return False


def add_keyring(home: Path, unlocked: UnlockedKey, *, random: Random) -> None:
    """Let the operating system's keyring open the database; LockedError when there is no usable one.

    What the keyring has for this database already is used again: other copies of it may depend on that.
    """
    from sync.store.keyring_slot import store_secret

    try:
        kek = _keyring_kek(unlocked.database_id.hex())
    except LockedError:
        kek = random(KEY_BYTES)
        store_secret(unlocked.database_id.hex(), kek.hex())
    sealed = seal(kek, unlocked.key, _aad(unlocked.database_id, "keyring"), random)
    _put_slot(home, unlocked, KeyringSlot(sealed.hex()))


def remove_slot(home: Path, unlocked: UnlockedKey, kind: SlotKind) -> None:
    """Take away one way to open the database; StoreError for one that is not there, and for the last.

    The keyring keeps its part until `forget_keyring`.
    """
    with changing(home):
        keyslots = read_keyslots(home)
        check_mac(keyslots, unlocked.key)
        left = tuple(slot for slot in keyslots.slots if KINDS[type(slot)] != kind)
        if len(left) == len(keyslots.slots):
            raise StoreError(f"There is no {kind} slot; `lovelace keys status` shows those there are.")
        if not left:
            raise StoreError(f"The {kind} slot is the only way to open the database. Add another one first.")
        write_keyslots(home, make_keyslots(unlocked.database_id, left, unlocked.key), replace=True)


def forget_keyring(unlocked: UnlockedKey) -> None:
    """Make the keyring forget its part, so that no copy of the slots opens by it; LockedError as `add_keyring`."""
    from sync.store.keyring_slot import delete_secret

    delete_secret(unlocked.database_id.hex())


@dataclass(frozen=True, slots=True)
class SlotState:
    """A slot as it is now. opens: None where it was not tried, because it needs something from the person."""

    kind: SlotKind
    opens: bool | None
    message: str


def slot_states(home: Path, passphrase: bytes | None = None) -> list[SlotState]:
    """Which slots open the database now, without asking anybody; with a passphrase only that is tried.

    Errors as `unlock`, but not for a slot that stays closed.
    """
    keyslots = read_keyslots(home)
    given = None if passphrase is None else "recovery" if _is_code(passphrase) else "passphrase"
    states = []
    for slot in keyslots.slots:
        kind = KINDS[type(slot)]
        if kind != (given or "keyring"):
            states.append(SlotState(kind, None, _UNTRIED[kind]))
            continue
        try:
            _open_slot(keyslots, slot, lambda _question: passphrase)
            states.append(SlotState(kind, True, "It opens the database."))
        except LockedError as error:
            states.append(SlotState(kind, False, str(error)))
    return states


_UNTRIED: dict[SlotKind, str] = {
    "keyring": "Not tried, because a passphrase was given.",
    "passphrase": "Not tried; it needs the passphrase.",
    "recovery": "Not tried; it needs the code on paper.",
}


def _put_slot(home: Path, unlocked: UnlockedKey, slot: Slot) -> None:
    with changing(home):
        keyslots = read_keyslots(home)
        check_mac(keyslots, unlocked.key)
        others = tuple(other for other in keyslots.slots if type(other) is not type(slot))
        write_keyslots(home, make_keyslots(unlocked.database_id, (*others, slot), unlocked.key), replace=True)


def _prepare_home(home: Path) -> None:
    if (home / FILE_NAME).exists():
        raise StoreError(f"{home} has a database already.")
    if (home / DATABASE_NAME).exists():
        raise LockedError(describe_missing(home))
    try:
        make_folder(home)
        if not any(home.iterdir()):  # a folder with other things in it keeps its permissions
            home.chmod(0o700)
    except OSError as error:
        raise StoreError(f"The folder {home} cannot be used: {error.strerror}.") from error


def _make_keyring_slot(key: bytes, database_id: bytes, random: Random) -> KeyringSlot:
    from sync.store.keyring_slot import store_secret

    kek = random(KEY_BYTES)
    store_secret(database_id.hex(), kek.hex())
    return KeyringSlot(seal(kek, key, _aad(database_id, "keyring"), random).hex())


def _make_passphrase_slot(
    key: bytes, database_id: bytes, passphrase: bytes, cost: PassphraseCost, random: Random
) -> PassphraseSlot:
    salt = random(SALT_BYTES)
    kek = _passphrase_kek(passphrase, salt, cost)
    sealed = seal(kek, key, _aad(database_id, "passphrase"), random)
    return PassphraseSlot(salt.hex(), cost.passes, cost.memory, sealed.hex())


def _open_given(keyslots: Keyslots, secret: bytes) -> UnlockedKey:
    """Open with what a script gave, or a person typed at the question for the passphrase."""
    recovery, slot = keyslots.find("recovery"), keyslots.find("passphrase")
    if _is_code(secret):
        if recovery is None:
            raise LockedError("This is a recovery code, but the database has none. Give its passphrase.")
        return _open_slot(keyslots, recovery, lambda _question: secret)
    mistyped = _mistyped(secret) if recovery is not None else ""
    if slot is None:
        none = "This database has no passphrase; leave it out to use the computer's keyring."
        raise LockedError(mistyped or none)
    try:
        return _open_slot(keyslots, slot, lambda _question: secret)
    except LockedError as error:
        raise LockedError(f"{error} Read as a recovery code: {mistyped}" if mistyped else str(error)) from error


def _open_asked(keyslots: Keyslots, slot: Slot, prompt: Prompt | None) -> UnlockedKey:
    if not isinstance(slot, PassphraseSlot):
        return _open_slot(keyslots, slot, prompt)
    return _open_given(keyslots, _ask(prompt, "Passphrase: ", "No passphrase was given."))


def _is_code(secret: bytes) -> bool:
    """Whether this is a recovery code of some database: its checksum is right."""
    try:
        _read_recovery_code(secret)
    except LockedError:
        return False
    return True


def _mistyped(secret: bytes) -> str:
    """What is wrong with something that looks like a recovery code; '' when it does not."""
    if not looks_like_code(secret.decode("utf-8", "replace")):
        return ""
    try:
        _read_recovery_code(secret)
    except LockedError as error:
        return str(error)
    return ""


def _open_slot(keyslots: Keyslots, slot: Slot, prompt: Prompt | None) -> UnlockedKey:
    database_id, kind = bytes.fromhex(keyslots.database_id), KINDS[type(slot)]
    kek, wrong = _find_kek(keyslots.database_id, slot, prompt)
    try:
        key = open_sealed(kek, bytes.fromhex(slot.sealed), _aad(database_id, kind))
    except ProtocolError as error:
        raise LockedError(wrong) from error
    check_mac(keyslots, key)
    return UnlockedKey(key, database_id, kind)


def _find_kek(database_id: str, slot: Slot, prompt: Prompt | None) -> tuple[bytes, str]:
    """The key for a slot, and what to say if it does not open it."""
    if isinstance(slot, KeyringSlot):
        return _keyring_kek(database_id), "The key in the computer's keyring is not the one of this database."
    if isinstance(slot, PassphraseSlot):
        passphrase = _ask(prompt, "Passphrase: ", "No passphrase was given.")
        cost = PassphraseCost(slot.passes, slot.memory)
        return _passphrase_kek(passphrase, bytes.fromhex(slot.salt), cost), "The passphrase is wrong."
    code = _ask(prompt, "Recovery code: ", "No recovery code was given.")
    return _recovery_kek(_read_recovery_code(code)), "The recovery code is not the one of this database."


def _ask(prompt: Prompt | None, question: str, unanswered: str) -> bytes:
    answer = prompt(question) if prompt is not None else None
    if not answer:
        raise LockedError(unanswered)
    return answer


def _keyring_kek(database_id: str) -> bytes:
    from sync.store.keyring_slot import load_secret

    secret = load_secret(database_id)
    try:
        kek = bytes.fromhex(secret)
    except ValueError:
        kek = b""
    if len(kek) != KEY_BYTES:
        raise LockedError("What the computer's keyring has for this database is not a key.")
    return kek


def _passphrase_kek(passphrase: bytes, salt: bytes, cost: PassphraseCost) -> bytes:
    passphrase = passphrase.removesuffix(b"\r\n" if passphrase.endswith(b"\r\n") else b"\n")
    if not passphrase:
        raise LockedError("The passphrase is empty.")
    try:
        return passphrase_key(passphrase, salt, cost.passes, cost.memory)
    except (RuntimeError, MemoryError) as error:
        needed = f"{cost.memory // (1024 * 1024)} MB"
        raise LockedError(f"There is not enough memory to try the passphrase; it takes {needed}.") from error


def _read_recovery_code(code: bytes) -> bytes:
    try:
        return read_code(code.decode("utf-8", "replace"), _RECOVERY_CODE)
    except IdentityError as error:
        raise LockedError(str(error)) from error


def _recovery_kek(secret: bytes) -> bytes:
    return domain_hash(_RECOVERY_KEK, secret)


def _aad(database_id: bytes, kind: SlotKind) -> bytes:
    return database_id + kind.encode("ascii")
