"""What a tool is: a name, typed arguments, and what it does at its site."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from app.agents.backend import Ask, KeepBlob, Update
from app.agents.rules import Rules
from app.agents.tools.folders import Folders
from app.sessions.events import ToolKind

if TYPE_CHECKING:
    from app.agents.files.watch import FileWatch


class Arguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every tool's arguments; the JSON schema comes from the fields."""


class PathArguments(Arguments, frozen=True):
    """Base of the arguments of a tool that is about one file or folder."""

    path: str


A = TypeVar("A", bound=Arguments)
P = TypeVar("P", bound=PathArguments)


@dataclass(frozen=True, slots=True)
class Site:
    """Where one call of a tool happens. `emit` puts events and live output into the session.

    ask: a person can be asked. hides: whether a file (its name in the workspace) is never to be read.
    """

    call_id: str
    folders: Folders
    rules: Rules
    emit: Callable[[Update], None]
    keep: KeepBlob
    confined: bool
    files: FileWatch | None = None
    ask: Ask | None = None
    hides: Callable[[str], bool] = lambda _path: False


@dataclass(frozen=True, slots=True)
class ToolReply:
    """What a tool gave. text: for the model. content: what text cannot say, for the session."""

    text: str
    content: Any = None


@dataclass(frozen=True, slots=True)
class Tool(Generic[A]):
    """One tool.

    `perform` gives the text for the model, or more, or raises ToolFailure. `path_of`: the file a call is about.
    """

    name: str
    description: str
    kind: ToolKind
    arguments: type[A]
    title: Callable[[A], str]
    perform: Callable[[Site, A], Awaitable[str | ToolReply]]
    path_of: Callable[[A], str] | None = None

    def schema(self) -> dict[str, Any]:
        """The JSON schema of the arguments, in one piece."""
        schema = msgspec.json.schema(self.arguments)
        inner: dict[str, Any] = dict(schema["$defs"][self.arguments.__name__])
        return {key: value for key, value in inner.items() if key not in ("title", "description")}

    def parse(self, arguments: Any) -> A:
        """Checked arguments. Raises msgspec.ValidationError, whose text names the wrong one."""
        return msgspec.convert(arguments, self.arguments)


def path_tool(
    name: str, description: str, kind: ToolKind, arguments: type[P], perform: Callable[[Site, P], Awaitable[str]]
) -> Tool[P]:
    """A tool that is about one file or folder, which the title of a call names."""
    verb = name.capitalize()
    return Tool(name, description, kind, arguments, lambda a: f"{verb} {a.path}", perform, lambda a: a.path)
