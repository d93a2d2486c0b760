"""What PySide knows of the signatures of its functions, loaded when somebody asks: the text of a TypeError does.

PySide carries these modules as source text and compiles them at every start, a quarter of what an empty window takes.
Its `loader` names them without using them, so each can begin as a module that becomes the real one when something in
it is first asked for (PEP 562).
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_PLACE = "shibokensupport/signature/"
_LATE = ("errorhandler.py", "layout.py", "parser.py", "lib/enum_sig.py", "lib/pyi_generator.py")
_BECOMING = """
def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    module = globals()
    module.pop("__getattr__", None)
    exec(compile({source!r}, {file!r}, "exec"), module)
    if name in module:
        return module[name]
    raise AttributeError(name)
"""


@contextmanager
def loaded_later() -> Iterator[None]:
    """Import PySide inside. Its importer compiles by the built-in function, which is another one meanwhile."""
    compile_now = builtins.compile

    def compile_later(source: Any, file: Any, *rest: Any, **options: Any) -> Any:
        if str(file).removeprefix(_PLACE) in _LATE:
            source = _BECOMING.format(source=source, file=file)
        return compile_now(source, file, *rest, **options)

    builtins.compile = compile_later  # type: ignore[assignment]
    try:
        yield
    finally:
        builtins.compile = compile_now
