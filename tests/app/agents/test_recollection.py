"""The recollection of one conversation that goes on for several prompts."""

from __future__ import annotations

from collections.abc import Sequence

from app.agents.history import PastText, Reader, Step
from app.agents.recollection import Recalled, Recollection
from app.agents.window import size
from app.sessions.events import AgentMessage, UserMessage
from tests.app.agents.support import Past, run

BUDGET = 600


def talk(prompts: int, stored: int) -> tuple[list[Recalled], list[list[str]]]:
    """Recalls before each of some prompts, after stored ones; and the texts that were to be summed up each time."""
    history = [Past(UserMessage(text=f"old {n}. {'x' * 100}"), id=f"{n:03}") for n in range(stored)]
    recollection = Recollection(history, Reader())
    summed_up: list[list[str]] = []

    async def summarise(previous: str, older: Sequence[Step], room: int) -> str:
        summed_up.append([previous, *(step.item.text for step in older if isinstance(step.item, PastText))])
        return f"summary {len(summed_up)}"

    async def go() -> list[Recalled]:
        made = []
        for number in range(prompts):
            made.append(await recollection.recall(BUDGET, summarise))
            recollection.add([UserMessage(text=f"new {number}. {'y' * 100}"), AgentMessage(text=f"yes {number}.")])
        return made

    return run(go()), summed_up


def test_each_thing_is_told_or_summed_up_once_in_order() -> None:
    recalls, summed_up = talk(30, 10)
    assert len(summed_up) > 2
    for number, recalled in enumerate(recalls):
        told = [item.text for item in recalled.items if isinstance(item, PastText)]
        assert sum(map(size, recalled.items)) <= BUDGET
        if number:
            assert told[-2].startswith(f"new {number - 1}.") and told[-1] == f"yes {number - 1}."
    everything = [text.partition(".")[0] for texts in summed_up for text in texts[1:]]
    last = [item.text for item in recalls[-1].items if isinstance(item, PastText)]
    everything += [text.partition(".")[0] for text in last[1:]]
    expected = [f"old {n}" for n in range(10)]
    expected += [f"{who} {n}" for n in range(29) for who in ("new", "yes")]
    assert everything == expected
    assert [texts[0] for texts in summed_up] == ["", *(f"summary {n}" for n in range(1, len(summed_up)))]


def test_only_what_is_stored_is_recorded_as_covered() -> None:
    recalls, _ = talk(30, 10)
    recorded = [recalled.compaction for recalled in recalls if recalled.compaction is not None]
    assert recorded and all(one.first == "000" for one in recorded)
    assert max(one.last or "" for one in recorded) == "009"
    recalls, summed_up = talk(30, 0)
    assert summed_up and all(recalled.compaction is None for recalled in recalls)
