"""Every scene by itself: it draws whole sentences, and says them in German in more ways than one."""

import re
from random import Random

import pytest

from onepass.phrasebook.sampler import Sampler
from onepass.phrasebook.scenes import SCENES, Scene
from onepass.phrasebook.scenes.set_phrases import address
from onepass.phrasebook.voice import Voice


@pytest.mark.parametrize("scene", [scene for scene, _ in SCENES])
def test_a_scene_draws_whole_sentences(scene: Scene) -> None:
    sampler = Sampler(Random(1))
    repeated = 0
    for _ in range(100):
        utterance = scene(sampler)
        said = {utterance.german(Voice(Random(seed))) for seed in range(8)}
        assert {text[-1] for text in (utterance.english, *said)} in ({"."}, {"?"})
        assert not any(re.search(r"  |[{}\[\]|]", text) for text in (utterance.english, *said))
        repeated += len(said) > 1
    assert repeated > 10


def test_scenes_are_all_different_and_are_all_drawn() -> None:
    assert len({scene for scene, _ in SCENES}) == len(SCENES)
    assert all(weight > 0 for _, weight in SCENES)


def test_brackets_follow_the_form_of_address() -> None:
    text = "[Hast du|Habt ihr|Haben Sie] Zeit, oder [bist du|seid ihr|sind Sie] müde?"
    assert [address(text, Voice(Random(1), who)) for who in ("du", "ihr", "Sie")] == [
        "Hast du Zeit, oder bist du müde?",
        "Habt ihr Zeit, oder seid ihr müde?",
        "Haben Sie Zeit, oder sind Sie müde?",
    ]
