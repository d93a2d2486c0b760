"""Turns the words of a command line into values, without the validation library that Typer would load for it.

That import alone takes 0.1 s, a third of what a whole `lovelace sessions list` may take. Covers what our
commands declare: text, whole numbers with a minimum, paths, flags, a choice of words, and lists of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

import typer.core


@dataclass(frozen=True, slots=True)
class PlainValue:
    """The runtime half of a Typer parameter. annotation: its type without None. minimum: of a number."""

    annotation: Any
    minimum: float | None = None

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value of a parameter; None stays None, and is an empty list where many are taken."""
        many = get_origin(self.annotation) is list
        if value is None:
            return () if many else None
        try:
            if many:
                [item] = get_args(self.annotation)
                return [self._one(item, word) for word in value]
            return self._one(self.annotation, value)
        except ValueError as error:
            raise typer.BadParameter(str(error), ctx=ctx, param=param) from error

    def _one(self, annotation: Any, word: Any) -> Any:
        if get_origin(annotation) is Literal:
            return _choice(get_args(annotation), word)
        if annotation is int:
            return self._number(word)
        return annotation(word)

    def _number(self, word: Any) -> int:
        try:
            number = int(word)
        except ValueError:
            raise ValueError(f"{word!r} is not a whole number.") from None
        if self.minimum is not None and number < self.minimum:
            raise ValueError(f"{number} is less than {self.minimum:.0f}.")
        return number


def use_plain_values() -> None:
    """Make Typer build `PlainValue` for every parameter, also for its own `--help`."""
    typer.core.build_runtime_param = _plain_value  # type: ignore[assignment]


def _plain_value(descriptor: Any) -> PlainValue:
    return PlainValue(descriptor.annotation, getattr(descriptor.parameter_info, "min", None))


def _choice(words: tuple[str, ...], word: str) -> str:
    if word not in words:
        raise ValueError(f"{word!r} is not one of {', '.join(words)}.")
    return word
