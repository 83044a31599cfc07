"""Either kind of tokenizer is read by what its directory holds."""

from pathlib import Path

import pytest

from onepass.errors import ModelError
from onepass.settings import TokenizerSettings
from onepass.text.teacher_tokenizer import TeacherTokenizer, Vocabulary
from onepass.text.tokenizer import Tokenizer
from onepass.text.tokenizers import load_tokenizer
from tiny_marian import train_spm

LINES = [f"the {word} is here" for word in ("house", "garden", "river", "letter")] * 5


def test_a_directory_gives_the_tokenizer_that_was_saved(tmp_path: Path) -> None:
    trained = Tokenizer.train(LINES, LINES, TokenizerSettings(vocab_size=300), seed=1)
    side = Vocabulary(train_spm(56), None, "model")
    read = TeacherTokenizer(side, side).extended(3)
    for name, tokenizer in (("trained", trained), ("read", read)):
        tokenizer.save(tmp_path / name)
        loaded = load_tokenizer(tmp_path / name)
        assert type(loaded) is type(tokenizer)
        assert loaded.fingerprint == tokenizer.fingerprint
        assert sorted(p.name for p in (tmp_path / name).iterdir()) == sorted(tokenizer.file_names)


def test_an_empty_directory_has_none(tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        load_tokenizer(tmp_path)
