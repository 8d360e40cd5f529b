"""A chat that outgrows its share of the prompt: summed up by the model now and then, by its own sentences else."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from answer_doubles import CHAT, HANG, ScriptedModel, ScriptedRetriever, heard
from msgspec.structs import replace

from ragcli.answer import summary
from ragcli.answer.history import known_gist
from ragcli.answer.pipeline import answer
from ragcli.errors import ServerFailed
from ragcli.types import Delta, Done, Event, Gist, Notice, Turn

SMALL = replace(CHAT, context_tokens=2000, max_tokens=200)
GIST = "They asked for the price of topics 0 to 9; 话题三要三欧元。"
LONG = [Turn(f"What about topic{n}?", f"Topic{n} costs {n} euros. " + "Nothing more to say. " * 15) for n in range(10)]


async def asked(model: ScriptedModel, history: Sequence[Turn], longest_s: float = 5.0) -> list[Event]:
    summariser = summary.by_model(model, longest_s=longest_s)
    return await heard(
        answer(
            "When does the canteen open?",
            retriever=ScriptedRetriever(),
            model=model,
            settings=SMALL,
            history=history,
            summariser=summariser,
        )
    )


def notices(events: Sequence[Event]) -> list[str]:
    return [event.message for event in events if isinstance(event, Notice)]


def gist_of(events: Sequence[Event]) -> Gist | None:
    assert isinstance(events[-1], Done)
    return events[-1].answer.gist


def told(model: ScriptedModel) -> str:
    """The messages of the last prompt between instructions and sources."""
    return "\n".join(message.content for message in model.prompts[-1].messages[1:-1])


async def test_what_no_longer_fits_is_summed_up_by_the_model() -> None:
    """It says so, the latest turns stay as they were, and the answer keeps the gist."""
    model = ScriptedModel((GIST, Delta(finish="stop")), ("At eight [3].", Delta(finish="stop")))
    events = await asked(model, LONG)
    assert notices(events) == ["the chat has grown long: its beginning is being summed up"]
    assert "Topic0 costs 0 euros." in model.prompts[0].messages[-1].content
    assert GIST in told(model)
    assert LONG[-1].answer in told(model)
    gist = gist_of(events)
    assert gist is not None
    assert gist.text == GIST
    assert 0 < gist.turns < len(LONG)
    assert events[-1].answer.answer == "At eight [3]."  # type: ignore[union-attr]


async def test_a_gist_serves_the_next_turns_and_is_the_start_of_the_next_one() -> None:
    """It is not paid for at every turn, and what it holds is not told twice."""
    model = ScriptedModel((GIST, Delta(finish="stop")), ("At eight [3].", Delta(finish="stop")))
    first = gist_of(await asked(model, LONG))
    history = [*LONG, Turn("When does the canteen open?", "At eight [3].", first)]
    model = ScriptedModel(("At eight [3].", Delta(finish="stop")))
    events = await asked(model, history)
    assert (model.opened, notices(events)) == (1, [])
    assert GIST in told(model)

    much = [Turn(f"And topic{n}?", f"Topic{n} costs {n} euros. " + "Nothing more to say. " * 15) for n in range(10, 18)]
    model = ScriptedModel(("Longer.", Delta(finish="stop")), ("At eight [3].", Delta(finish="stop")))
    gist = gist_of(await asked(model, [*history, *much]))
    assert gist is not None
    assert first is not None
    assert gist.turns > first.turns
    asked_for = model.prompts[0].messages[-1].content
    assert GIST in asked_for
    assert "topic0" not in asked_for


async def test_a_gist_of_other_turns_is_none_of_this_chat() -> None:
    gist = Gist(1, "of another chat", "something else")
    assert known_gist([Turn("a", "b", gist)]) is None
    assert known_gist([]) is None


@pytest.mark.parametrize("script", [(HANG,), (ServerFailed("down"),), ("  ", Delta(finish="stop"))])
async def test_where_the_model_cannot_the_sentences_that_bear_on_the_question_are_told(script: tuple[object]) -> None:
    """After a time limit at the longest; nothing is lost but the summary."""
    model = ScriptedModel(script, ("At eight [3].", Delta(finish="stop")))  # type: ignore[arg-type]
    events = await asked(model, LONG, longest_s=0.05)
    assert len(notices(events)) == 2
    assert "bears on the question" in notices(events)[1]
    assert gist_of(events) is None
    assert told(model).startswith("Earlier in this conversation:")
    assert model.closed == 2
    assert events[-1].answer.answer == "At eight [3]."  # type: ignore[union-attr]


async def test_a_chat_that_fits_is_told_as_it_was() -> None:
    model = ScriptedModel(("At eight [3].", Delta(finish="stop")))
    await asked(model, LONG[:1])
    assert model.opened == 1
    assert told(model) == f"{LONG[0].question}\n{LONG[0].answer}"
