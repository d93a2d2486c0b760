"""Reading a shell command line far enough to say which programs it starts. Pure, and careful: what is not
certain is None, and whoever decides treats that as not allowed."""

from __future__ import annotations

import shlex

_SEPARATORS = frozenset({"", ";", "&&", "||", "|", "|&", "&"})
_REDIRECTIONS = frozenset({">", ">>", "<", ">&", "&>", ">|", "&>>"})
_FIRST_WORD_MARKS = frozenset("*?[]{}~#!=$")
_PUNCTUATION = ";&|<>()\n"
_STARTERS = frozenset(
    "! . [ [[ bash builtin case command coproc dash do done doas elif else env esac eval exec fi for function if "
    "nice nohup select setsid sh source stdbuf sudo then time timeout until while xargs zsh { }".split()
)
"""Words after which another command may follow, or that make the line more than a list of plain commands."""


def simple_commands(line: str) -> list[tuple[str, ...]] | None:
    """The words of each plain command in a line, without redirections; None when that cannot be told.

    Expansion of `$NAME` and globs is left alone as a plain word, except in the first word of a command.
    """
    if any(mark in line for mark in ("`", "$(", "${", "<(", ">(", "<<", "$'", "\\\n", "\0")):
        return None
    lexer = shlex.shlex(line, posix=True, punctuation_chars=_PUNCTUATION)
    lexer.whitespace_split = True
    lexer.whitespace = " \t"
    lexer.commenters = ""
    try:
        tokens = list(lexer)
    except ValueError:
        return None
    commands: list[list[str]] = [[]]
    skip = False
    for token in tokens:
        if token.strip("\n") in _SEPARATORS and token:
            commands.append([])
        elif token in _REDIRECTIONS:
            if len(commands[-1]) > 1 and commands[-1][-1].isdigit():
                commands[-1].pop()
            skip = True
        elif token and set(token) <= set(_PUNCTUATION):
            return None
        elif skip:
            skip = False
        else:
            commands[-1].append(token)
    plain = [tuple(words) for words in commands if words]
    return plain if plain and all(_is_plain(words[0]) for words in plain) else None


def _is_plain(first: str) -> bool:
    return bool(first) and first not in _STARTERS and not set(first) & _FIRST_WORD_MARKS


def plain_command(line: str) -> tuple[str, ...] | None:
    """The words of a line that is one plain command and nothing else; None for every other line.

    No second command, redirection, substitution, variable or line break, and nothing that the shell could read
    otherwise than it is read here.
    """
    if any(mark in line for mark in "$`\0\r\n") or not line.isprintable():
        return None
    lexer = shlex.shlex(line, posix=True, punctuation_chars=_PUNCTUATION)
    lexer.whitespace_split = True
    lexer.whitespace = " \t"
    lexer.commenters = ""
    try:
        words = tuple(lexer)
    except ValueError:
        return None
    if not words or any(not word or set(word) & set(_PUNCTUATION) for word in words) or not _is_plain(words[0]):
        return None
    return words
