"""Sentences of several requests in rounds of a model."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from tiny_service import Capitals

from onepass.service.batcher import Batcher, Job, Want


def in_loop(test: Callable[[Capitals, Batcher], Awaitable[None]], *, round_tokens: int = 8) -> Capitals:
    """Runs a test with a batcher whose model is held until `may_read` is set."""
    model = Capitals()
    model.may_read.clear()

    async def run() -> None:
        batcher = Batcher(model, round_tokens=round_tokens)
        batcher.start()
        try:
            await asyncio.wait_for(test(model, batcher), 20)
        finally:
            model.may_read.set()
            batcher.stop()

    asyncio.run(run())
    return model


def submit(model: Capitals, batcher: Batcher, text: str) -> Job:
    return batcher.submit(model.passages(text))


async def texts(job: Job) -> list[str]:
    return [reading.text for reading in await job.done]


async def begun(model: Capitals, rounds: int = 1) -> None:
    while len(model.rounds) < rounds:
        await asyncio.sleep(0.001)


def test_what_waits_while_the_model_works_is_one_round() -> None:
    async def test(model: Capitals, batcher: Batcher) -> None:
        jobs = [submit(model, batcher, "one.")]
        await begun(model)
        jobs += [submit(model, batcher, text) for text in ("two.", "three.", "four.")]
        assert batcher.waiting == 3
        model.may_read.set()
        assert [await texts(job) for job in jobs] == [["ONE."], ["TWO."], ["THREE."], ["FOUR."]]
        assert (batcher.waiting, batcher.busy_since) == (0, None)

    assert in_loop(test).rounds == [["one."], ["two.", "three.", "four."]]


def test_who_wants_several_translations_is_read_apart() -> None:
    async def test(model: Capitals, batcher: Batcher) -> None:
        jobs = [submit(model, batcher, "one.")]
        await begun(model)
        several = batcher.submit(model.passages("two."), Want(n_best=3))
        jobs += [several, submit(model, batcher, "three.")]
        model.may_read.set()
        assert [await texts(job) for job in jobs] == [["ONE."], ["TWO."], ["THREE."]]

    assert in_loop(test).rounds == [["one."], ["three."], ["two."]]


def test_an_idle_model_waits_for_nobody() -> None:
    async def test(model: Capitals, batcher: Batcher) -> None:
        model.may_read.set()
        for text in ("one.", "two."):
            assert await texts(submit(model, batcher, text)) == [text.upper()]

    assert in_loop(test).rounds == [["one."], ["two."]]


def test_a_long_document_leaves_room_for_short_requests() -> None:
    async def test(model: Capitals, batcher: Batcher) -> None:
        document = submit(model, batcher, " ".join(f"s{i}." for i in range(40)))
        await begun(model)
        short = submit(model, batcher, "short.")
        other = submit(model, batcher, "a. b. c.")
        model.may_read.set()
        assert await texts(short) == ["SHORT."]
        assert not document.done.done()
        assert await texts(other) == ["A.", "B.", "C."]
        assert await texts(document) == [f"S{i}." for i in range(40)]

    rounds = in_loop(test).rounds
    assert rounds[0] == [f"s{i}." for i in range(8)]
    assert rounds[1] == ["s8.", "short.", "a.", "s9.", "b.", "s10.", "c.", "s11."]
    assert sum(map(len, rounds)) == 44


def test_a_round_has_no_more_tokens_than_it_may_but_a_sentence() -> None:
    async def test(model: Capitals, batcher: Batcher) -> None:
        model.may_read.set()
        await submit(model, batcher, "a b c d e. f g h. " + "x " * 20 + ". y.").done

    rounds = in_loop(test).rounds
    assert [[len(text.split()) for text in texts] for texts in rounds] == [[5, 3], [21], [1]]


def test_a_sentence_that_fails_harms_its_own_request_alone() -> None:
    async def test(model: Capitals, batcher: Batcher) -> None:
        first = submit(model, batcher, "one.")
        await begun(model)
        bad, good = submit(model, batcher, "a. poison. b."), submit(model, batcher, "good. day.")
        model.may_read.set()
        assert await texts(good) == ["GOOD.", "DAY."]
        with pytest.raises(ValueError, match="poison"):
            await bad.done
        assert await texts(first) == ["ONE."]
        assert batcher.waiting == 0

    in_loop(test)


def test_what_is_cancelled_is_not_read() -> None:
    async def test(model: Capitals, batcher: Batcher) -> None:
        first = submit(model, batcher, "one.")
        await begun(model)
        gone, stays = submit(model, batcher, "gone. gone."), submit(model, batcher, "stays.")
        batcher.cancel(gone)
        assert batcher.waiting == 1
        model.may_read.set()
        assert (await texts(first), await texts(stays)) == (["ONE."], ["STAYS."])
        assert gone.done.cancelled()

    assert in_loop(test).rounds == [["one."], ["stays."]]


def test_a_job_that_is_cancelled_in_its_round_is_forgotten() -> None:
    async def test(model: Capitals, batcher: Batcher) -> None:
        half = submit(model, batcher, " ".join("abcdefghijkl") + ". " + "m. " * 12)
        await begun(model)
        batcher.cancel(half)
        assert batcher.waiting == 0
        model.may_read.set()
        assert await texts(submit(model, batcher, "next.")) == ["NEXT."]

    assert len(in_loop(test).rounds) == 2


def test_no_sentences_are_done_at_once() -> None:
    async def test(model: Capitals, batcher: Batcher) -> None:
        assert await submit(model, batcher, "").done == []

    assert in_loop(test).rounds == []


def test_rounds_are_told_to_who_counts() -> None:
    told: list[int] = []
    model = Capitals()

    async def run() -> None:
        batcher = Batcher(model, observe=lambda passages, seconds: told.append(passages))
        batcher.start()
        await submit(model, batcher, "one. two. three.").done
        batcher.stop()

    asyncio.run(run())
    assert told == [3]
