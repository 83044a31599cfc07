"""Back-translations: draws of their own for each shard, and none of the lines that there are already."""

from pathlib import Path

from onepass.pipeline.back_translate import sample_lines
from tiny_run import finished_run, write_lines


def test_each_shard_of_samples_has_draws_of_its_own_and_is_drawn_once(tmp_path: Path) -> None:
    def sampled(scratch: str, seed: int = 1) -> list[str]:
        return sample_lines(
            ["where is it", "good morning", "the red car"] * 2,
            finished_run() / "teacher",
            tmp_path / scratch,
            shard_lines=3,
            among=10,
            seed=seed,
            progress=lambda *_: None,
        )

    drawn = sampled("one")
    assert len(drawn) == 6
    assert drawn[:3] != drawn[3:]
    (tmp_path / "one/000001.txt").unlink()
    write_lines(tmp_path / "one/000000.txt", ["kept", "as it", "was"])
    assert sampled("one") == ["kept", "as it", "was", *drawn[3:]]
    assert sampled("other", seed=2) != drawn
