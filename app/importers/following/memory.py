"""What following remembers from one run to the next, so that a restart reads only what is new.

To go on in the middle of a transcript takes more than a position: which branch a record hangs from, which calls wait
for their results, what a title was told as. So all that is remembered of a file is kept, together with the other files
that tell of the same sessions: a group. What is kept is only ever a cache. Where it is of another version, does not fit
the files any more or cannot be read, they are read from their beginning, which gives the same events.

Groups are pickled, because their objects refer to each other; only the classes that are named here and by the readers
are made of them, whatever the bytes say.
"""

from __future__ import annotations

import base64
import contextlib
import io
import pickle
import zlib
from array import _array_reconstructor, array  # type: ignore[attr-defined]
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from pathlib import PosixPath, WindowsPath
from typing import Any, Protocol

from app.importers.drafts import NewSession
from app.importers.following.places import Signature
from app.importers.seen import Seen

VERSION = 2
"""Of all classes that are kept; a change of what one of them holds, or how it is read, needs a new number."""
MOST_RESTING = 100_000

_REBUILD = NewSession(source="", time=0).__reduce__()[0]
"""What `msgspec` makes its objects with."""
_TYPES = (OrderedDict, PosixPath, WindowsPath, array, _array_reconstructor, Seen, NewSession, _REBUILD)
Key = tuple[int, int]
"""Device and inode of a file."""


class Kept(Protocol):
    """Named JSON values that outlast the process, as `app.workspace.Settings` has them; None removes one."""

    def get(self, name: str, default: Any = None) -> Any: ...
    def set(self, name: str, value: Any) -> None: ...


class Memory:
    """The memory of one way of following (scope: where its sessions go). types: the classes that groups consist of."""

    def __init__(self, kept: Kept, scope: str, types: Iterable[type]) -> None:
        self._kept = kept
        self._name = f"following/{scope}"
        self._types = {(one.__module__, one.__qualname__): one for one in (*_TYPES, *types)}
        index = kept.get(self._name)
        usable = isinstance(index, dict) and index.get("version") == VERSION
        self._groups: dict[str, list[str]] = index["groups"] if usable else {}
        self._resting: dict[str, list[int]] = index["resting"] if usable else {}
        self._changed = False

    def recall(self, key: Key) -> list[Any] | None:
        """All files that were kept together with this one; None where it was not."""
        name = next((name for name, keys in self._groups.items() if _text(key) in keys), None)
        if name is None:
            return None
        data = self._kept.get(f"{self._name}/{name}")
        return self._unpack(data) if isinstance(data, str) else None

    def keep(self, files: Sequence[Any], keys: Iterable[Key]) -> None:
        """Remember a group of files as it is now, in the place of what was remembered of each of them."""
        names = sorted(map(_text, keys))
        self._drop(names)
        self._groups[names[0]] = names
        self._changed = True
        self._kept.set(f"{self._name}/{names[0]}", _pack(files))

    def drop(self, key: Key) -> None:
        """Forget a file and those that were kept together with it."""
        self._drop([_text(key)])

    def _drop(self, keys: Sequence[str]) -> None:
        wanted = set(keys)
        for name in [name for name, group in self._groups.items() if wanted & set(group)]:
            del self._groups[name]
            self._changed = True
            if name not in wanted:
                self._kept.set(f"{self._name}/{name}", None)
        for key in keys:
            self._changed |= self._resting.pop(key, None) is not None

    def rest(self, signature: Signature) -> None:
        """Remember that a file was read to its end as it is now, and nothing else of it."""
        self.drop(signature.key)
        if len(self._resting) < MOST_RESTING:
            self._resting[_text(signature.key)] = _state(signature)
            self._changed = True

    def rests(self, signature: Signature) -> bool:
        """Whether a file is as it was when it was read to its end."""
        return self._resting.get(_text(signature.key)) == _state(signature)

    def save(self) -> None:
        """Write down what is remembered of which file."""
        if self._changed:
            self._changed = False
            self._kept.set(self._name, {"version": VERSION, "groups": self._groups, "resting": self._resting})

    def _unpack(self, data: str) -> list[Any] | None:
        types = self._types

        class Unpickler(pickle.Unpickler):
            def find_class(self, module: str, name: str) -> Any:
                found = types.get((module, name))
                if found is None:
                    raise pickle.UnpicklingError(f"{module}.{name} is not kept.")
                return found

        with contextlib.suppress(Exception):  # whatever there is to say about it, the files can be read anew
            files = Unpickler(io.BytesIO(zlib.decompress(base64.b64decode(data)))).load()
            return files if isinstance(files, list) else None
        return None


def _pack(files: Sequence[Any]) -> str:
    data = pickle.dumps(list(files), protocol=5)
    return base64.b64encode(zlib.compress(data, 1)).decode("ascii")


def _text(key: Key) -> str:
    return f"{key[0]}:{key[1]}"


def _state(signature: Signature) -> list[int]:
    return [signature.size, signature.modified, signature.changed]
