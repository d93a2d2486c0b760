from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli.arguments import FLAGS, VALUES, Globals, split, wants_json
from app.cli.errors import UsageError

GLOBAL_NAMES = {*FLAGS, *VALUES}
plain_words = st.text(st.characters(codec="utf-8"), max_size=8).filter(
    lambda word: word != "--" and word.partition("=")[0] not in GLOBAL_NAMES
)
values = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8).filter(lambda text: not text.startswith("--"))


@st.composite
def global_option(draw: st.DrawFn) -> tuple[list[str], dict[str, object]]:
    """An option in one of its written forms, and the field it sets."""
    name = draw(st.sampled_from(sorted(GLOBAL_NAMES - {"--passphrase-fd", "--passphrase-file"})))
    field = name[2:]
    if name in FLAGS:
        return [name], {field: True}
    value = draw(values)
    words = draw(st.sampled_from([[name, value], [f"{name}={value}"]]))
    return words, {field: Path(value) if name == "--home" else value}


@given(st.lists(st.one_of(plain_words.map(lambda word: ([word], None)), global_option())), st.lists(plain_words))
def test_global_options_are_taken_out_wherever_they_stand(parts, after) -> None:
    argv = [word for words, _ in parts for word in words]
    expected = {name: value for _, fields in parts if fields for name, value in fields.items()}
    options, rest = split([*argv, "--", *after, "--json"], {})
    assert options == Globals(**expected)
    assert rest == [words[0] for words, fields in parts if fields is None] + ["--", *after, "--json"]


@given(st.lists(st.text(max_size=12)))
def test_any_line_is_split_or_refused_with_a_sentence(argv) -> None:
    try:
        _, rest = split(argv, {})
    except UsageError as error:
        assert str(error).endswith(".") and error.exit_code == 2
    else:
        before = rest[: rest.index("--")] if "--" in rest else rest
        assert not {word.partition("=")[0] for word in before} & GLOBAL_NAMES


@pytest.mark.parametrize(
    "argv",
    [
        ["--home"],
        ["list", "--home", "--json"],
        ["--workspace", "--"],
        ["--home="],
        ["--home", ""],
        ["--json=1"],
        ["--yes="],
        ["--passphrase-fd", "three"],
        ["--passphrase-fd=-1"],
        ["--passphrase-fd", "٣"],
        ["--passphrase-fd", "3", "--passphrase-file", "f"],
    ],
)
def test_wrong_or_missing_values_are_usage_errors(argv) -> None:
    with pytest.raises(UsageError):
        split(argv, {})


def test_last_of_a_repeated_option_wins_over_the_environment() -> None:
    environment = {"LOVELACE_HOME": "/from/environment"}
    assert split([], environment)[0].home == Path("/from/environment")
    assert split(["--home", "a", "x", "--home=b"], environment) == (Globals(home=Path("b")), ["x"])
    assert split([], {"LOVELACE_HOME": ""})[0].home is None


def test_descriptor_is_a_number() -> None:
    assert split(["--passphrase-fd=3"], {})[0].passphrase_fd == 3


def test_json_is_seen_in_lines_that_cannot_be_split() -> None:
    assert wants_json(["--home", "--json"])
    assert not wants_json(["x", "--", "--json"])
