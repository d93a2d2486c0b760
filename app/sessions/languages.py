"""The languages of files, by their names: one table for agents' changes, imports, cards and exported pages."""

from __future__ import annotations

_EXTENSIONS = {
    "bash": "sh bash zsh",
    "batch": "bat cmd",
    "c": "c h",
    "clojure": "clj cljc",
    "clojurescript": "cljs",
    "cpp": "cc cpp cxx hh hpp hxx",
    "csharp": "cs",
    "css": "css",
    "cuda": "cu cuh",
    "dart": "dart",
    "diff": "diff patch",
    "elixir": "ex exs",
    "erlang": "erl hrl",
    "fortran": "f90 f95 f03",
    "fsharp": "fs fsi fsx",
    "go": "go",
    "graphql": "graphql gql",
    "groovy": "groovy gradle",
    "haskell": "hs",
    "html": "html htm svelte",
    "ini": "ini cfg",
    "java": "java",
    "javascript": "js cjs mjs",
    "json": "json jsonl",
    "jsx": "jsx",
    "julia": "jl",
    "kotlin": "kt kts",
    "latex": "tex",
    "less": "less",
    "lua": "lua",
    "markdown": "md markdown",
    "nim": "nim",
    "nix": "nix",
    "ocaml": "ml mli",
    "pascal": "pas",
    "perl": "pl pm",
    "php": "php",
    "powershell": "ps1 psm1",
    "protobuf": "proto",
    "python": "py pyi pyw",
    "r": "r",
    "restructuredtext": "rst",
    "ruby": "rb",
    "rust": "rs",
    "scala": "scala",
    "scss": "scss",
    "sql": "sql",
    "swift": "swift",
    "tcl": "tcl",
    "terraform": "tf",
    "toml": "toml",
    "tsx": "tsx",
    "typescript": "ts mts cts",
    "vue": "vue",
    "xml": "xml svg",
    "yaml": "yaml yml",
    "zig": "zig",
}
_BY_EXTENSION = {extension: language for language, listed in _EXTENSIONS.items() for extension in listed.split()}
_BY_NAME = {"cmakelists.txt": "cmake", "dockerfile": "docker", "gnumakefile": "make", "makefile": "make"}


def language_of(path: str) -> str | None:
    """The language of a file as Pygments calls it; None: not one of the common ones."""
    name = path.replace("\\", "/").rpartition("/")[2].lower()
    return _BY_NAME.get(name) or _BY_EXTENSION.get(name.rpartition(".")[2] if "." in name else "")
