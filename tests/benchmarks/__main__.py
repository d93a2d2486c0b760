"""`python -m tests.benchmarks [name…]`: measures, prints a table and, if asked, writes JSON lines.

Exit code 1 when a bar is not met. Each benchmark has a folder of its own, which is removed when it is done; the run has
its own D-Bus session and keyring.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from tests.benchmarks.figures import Figure
from tests.benchmarks.keyring import INSIDE, run_inside, unlocked_keyring
from tests.benchmarks.place import Place, Sizes, load
from tests.benchmarks.table import BENCHMARKS, Benchmark

_COLUMNS = "{:<42} {:>12} {:<9} {:>12}  {:<4} {}"


def main(arguments: Sequence[str]) -> int:
    """Run the benchmarks that are named, or all."""
    options = _parser().parse_args(arguments)
    if options.inside is None:
        return run_inside("tests.benchmarks", arguments)
    chosen = [benchmark for benchmark in BENCHMARKS if not options.names or benchmark.name in options.names]
    sizes = Sizes(**{field.name: getattr(options, field.name) for field in fields(Sizes)})
    with unlocked_keyring():
        kept = _measure_all(chosen, options.inside, sizes, options.verbose, options.json)
    return 0 if kept else 1


def _parser() -> argparse.ArgumentParser:
    table = "\n".join(f"  {benchmark.name:<10} {benchmark.about}" for benchmark in BENCHMARKS)
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description=f"Measure Lovelace against its bars:\n{table}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[[], *(b.name for b in BENCHMARKS)])
    parser.add_argument("--json", type=Path, metavar="FILE", help="also append the figures to FILE as JSON lines")
    parser.add_argument("--verbose", action="store_true", help="say where time goes")
    parser.add_argument(INSIDE, type=Path, help=argparse.SUPPRESS)
    for field in fields(Sizes):
        option = "--" + field.name.replace("_", "-")
        parser.add_argument(option, type=int, default=field.default, metavar="N", help="default %(default)s")
    return parser


def _measure_all(chosen: Sequence[Benchmark], folder: Path, sizes: Sizes, verbose: bool, lines: Path | None) -> bool:
    """Print a table as figures come; whether all bars are met."""
    print(f"Python {platform.python_version()}, {platform.machine()}, load {load()}")
    print(_COLUMNS.format("figure", "value", "", "bar", "", "").rstrip())
    kept = True
    for benchmark in chosen:
        own = folder / benchmark.name
        own.mkdir()
        begun = time.perf_counter()
        for figure in benchmark.run(Place(own, sizes, verbose)):
            kept &= figure.holds is not False
            print(_row(figure), flush=True)
            if lines is not None:
                _write_line(lines, benchmark, figure)
        shutil.rmtree(own)
        print(f"— {benchmark.name}: {time.perf_counter() - begun:.0f} s, load {load()}", flush=True)
    return kept


def _row(figure: Figure) -> str:
    mark = {None: "", True: "ok", False: "FAIL"}[figure.holds]
    bar = "" if figure.bar is None else f"{'≥' if figure.at_least else '≤'} {_number(figure.bar)}"
    return _COLUMNS.format(figure.name, _number(figure.value), figure.unit, bar, mark, figure.note).rstrip()


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"


def _write_line(path: Path, benchmark: Benchmark, figure: Figure) -> None:
    with path.open("a") as file:
        json.dump(figure.to_json(benchmark.name) | {"time": int(time.time()), "load": load()}, file, ensure_ascii=False)
        file.write("\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
