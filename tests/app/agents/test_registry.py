from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.agents.local import server
from app.agents.pydantic_backend import ModelBackend
from app.agents.registry import AgentConfig, AgentRegistry
from app.agents.scripted import ScriptedBackend
from app.errors import NotFound, UserError
from tests.app.agents.support import run


class Settings:
    """A store that only has settings."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def setting(self, name: str, default: Any) -> Any:
        return self.values.get(name, default)

    def set_setting(self, name: str, value: Any) -> None:
        self.values[name] = value

    async def write_async(self, operation: Callable[[Any], Any]) -> Any:
        return operation(self)

    async def read_async(self, query: Callable[[Any], Any]) -> Any:
        return query(self)


class Keys:
    """A keyring in memory; `broken` is one that cannot be used."""

    def __init__(self, broken: bool = False) -> None:
        self.kept: dict[str, str] = {}
        self.broken = broken

    async def get(self, agent: str) -> str | None:
        if self.broken:
            raise UserError("no keyring")
        return self.kept.get(agent)

    async def set(self, agent: str, key: str) -> None:
        self.kept[agent] = key

    async def delete(self, agent: str) -> None:
        self.kept.pop(agent, None)


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def registry(keys: Keys, tmp_path: Path) -> AgentRegistry:
    return AgentRegistry(Settings(), secrets=keys, models_folder=tmp_path / "models")


MINE = AgentConfig(name="mine", kind="openai-compatible", url="http://127.0.0.1:1/v1", model="m")


def test_with_nothing_configured_the_default_says_what_to_do(registry: AgentRegistry) -> None:
    assert run(registry.names()) == ("local", "scripted")
    with pytest.raises(UserError, match=r"lovelace models get.*lovelace agents add"):
        run(registry.backend("local"))
    assert isinstance(run(registry.backend("scripted")), ScriptedBackend)


def test_an_installation_that_cannot_run_models_says_what_can_be_done(
    registry: AgentRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "find_spec", {}.get)
    with pytest.raises(UserError, match=r"cannot run models itself.*lovelace agents add"):
        run(registry.backend("local"))


def test_a_model_file_makes_the_default_work(registry: AgentRegistry, tmp_path: Path) -> None:
    from app.agents.local import model_store

    (tmp_path / "mine.gguf").write_bytes(b"GGUF\x03\0\0\0\x01" + bytes(100))
    model_store.add(tmp_path / "mine.gguf", root=tmp_path / "models")
    backend = run(registry.backend("local"))
    assert isinstance(backend, ModelBackend)
    registry.close()


def test_what_is_added_first_is_the_default(registry: AgentRegistry, keys: Keys) -> None:
    run(registry.add(MINE, key="secret"))
    run(registry.add(AgentConfig(name="two", kind="anthropic", model="m")))
    assert run(registry.names()) == ("mine", "two", "local", "scripted")
    assert keys.kept == {"mine": "secret"}
    backend = run(registry.backend("mine"))
    assert isinstance(backend, ModelBackend)
    assert (backend.name, backend.model) == ("mine", "m")
    assert "secret" not in str(run(registry.configured()))
    run(registry.remove("mine"))
    assert (run(registry.names())[0], keys.kept) == ("two", {})


def test_a_provider_needs_its_key(registry: AgentRegistry) -> None:
    run(registry.add(AgentConfig(name="cloud", kind="anthropic", model="m")))
    with pytest.raises(UserError, match="has no key"):
        run(registry.backend("cloud"))


def test_a_server_of_ones_own_needs_no_keyring(tmp_path: Path) -> None:
    registry = AgentRegistry(Settings(), secrets=Keys(broken=True), models_folder=tmp_path)
    run(registry.add(MINE))
    assert run(registry.backend("mine")).name == "mine"


def test_scripts(registry: AgentRegistry, tmp_path: Path) -> None:
    script = tmp_path / "s.json"
    script.write_text('[[{"say": "x"}]]')
    run(registry.add(AgentConfig(name="demo", kind="scripted", script=str(script))))
    assert run(registry.backend("demo")).name == "demo"
    script.write_text("[1]")
    with pytest.raises(UserError, match="turn 1"):
        run(registry.backend("demo"))
    with pytest.raises(UserError, match="turn 1"):
        run(registry.add(AgentConfig(name="other", kind="scripted", script=str(script))))


@pytest.mark.parametrize(
    "config",
    [
        AgentConfig(name="", kind="scripted", script="x"),
        AgentConfig(name="a b", kind="scripted", script="x"),
        AgentConfig(name="local", kind="scripted", script="x"),
        AgentConfig(name="a", kind="scripted"),
        AgentConfig(name="a", kind="openai-compatible", url="nonsense", model="m"),
        AgentConfig(name="a", kind="openai-compatible", model="m"),
        AgentConfig(name="a", kind="openai"),
    ],
)
def test_what_makes_no_sense_is_not_added(registry: AgentRegistry, config: AgentConfig) -> None:
    with pytest.raises(UserError):
        run(registry.add(config))
    assert run(registry.configured()) == []


def test_unknown_names_list_the_known_ones(registry: AgentRegistry) -> None:
    with pytest.raises(NotFound, match="local, scripted"):
        run(registry.backend("nobody"))
    with pytest.raises(NotFound):
        run(registry.remove("scripted"))


def test_the_default_is_what_the_person_chose(registry: AgentRegistry) -> None:
    mine = AgentConfig(name="mine", kind="openai-compatible", url="http://127.0.0.1:1/v1", model="m")
    run(registry.add(mine))
    assert run(registry.names()) == ("mine", "local", "scripted")
    run(registry.choose_default("local"))
    assert run(registry.names()) == ("local", "mine", "scripted")
    run(registry.choose_default("mine"))
    run(registry.remove("mine"))
    assert run(registry.names()) == ("local", "scripted")
    with pytest.raises(NotFound):
        run(registry.choose_default("mine"))


def test_a_trial_keeps_nothing(registry: AgentRegistry, keys: Keys) -> None:
    config = AgentConfig(name="new", kind="anthropic", model="m")
    with pytest.raises(UserError, match="has no key"):
        run(registry.trial(config))
    backend = run(registry.trial(config, "secret"))
    assert isinstance(backend, ModelBackend)
    assert keys.kept == {} and run(registry.configured()) == [] and not run(registry.has_key("new"))
    with pytest.raises(UserError, match="cannot name an agent"):
        run(registry.trial(AgentConfig(name="a b", kind="anthropic", model="m"), "secret"))
