"""What benchmarks give: figures with bars, and the statistics behind them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter, thread_time
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number. bar: the limit it is held against, None for information only.

    at_least: the bar is a lower limit. detail: further numbers that go into the JSON line. note: how it was measured.
    """

    name: str
    value: float
    unit: str
    bar: float | None = None
    at_least: bool = False
    note: str = ""
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def holds(self) -> bool | None:
        """Whether the bar is met; None without a bar."""
        if self.bar is None:
            return None
        return self.value >= self.bar if self.at_least else self.value <= self.bar

    def to_json(self, benchmark: str) -> dict[str, Any]:
        """A JSON line."""
        bar = None if self.bar is None else {"limit": self.bar, "kind": "min" if self.at_least else "max"}
        shown = {"benchmark": benchmark, "name": self.name, "value": round(self.value, 4), "unit": self.unit}
        return {**shown, "bar": bar, "ok": self.holds, "note": self.note, **self.detail}


def quantile(values: Sequence[float], part: float) -> float:
    """The value that `part` (0…1) of them do not exceed: nearest rank, never interpolated."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)]


def milliseconds(call: Callable[[], object]) -> float:
    """How long a call takes."""
    begun = perf_counter()
    call()
    return (perf_counter() - begun) * 1e3


def wall_and_processor(call: Callable[[], object]) -> tuple[float, float]:
    """How long a call takes in milliseconds, and how much of that this thread had a processor."""
    begun, before = perf_counter(), thread_time()
    call()
    return (perf_counter() - begun) * 1e3, (thread_time() - before) * 1e3
