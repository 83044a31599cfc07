"""Reads the translators that Marian trains: Firefox Translations, Bergamot and OPUS-MT.

What comes out is a teacher in our own modules and ids, with its own vocabulary as it is, and a record of
where it came from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from onepass.decoding.shortlist import Shortlist
from onepass.errors import ModelError
from onepass.files import file_sha256
from onepass.models.marian import MarianSizes, MarianTransformer
from onepass.teachers.binary import read_binary
from onepass.teachers.configuration import ADDED_IDS, read_sizes
from onepass.teachers.find import TeacherFiles
from onepass.teachers.layout import check_items, read_state
from onepass.teachers.npz import read_npz
from onepass.teachers.shortlist import read_shortlist
from onepass.teachers.vocabulary import Words, read_tokenizer
from onepass.text.teacher_tokenizer import TeacherTokenizer


@dataclass(frozen=True)
class MarianTeacher:
    """A teacher that was read.

    Attributes:
        model: in eval mode, float32.
        tokenizer: its own.
        sizes: of the model.
        shortlist: None where it has none.
        sha256: of each file, by name.
        name: what the user called it.
        licence: of its weights; None where the files do not say.
        languages: source and target, where they are known.
    """

    model: MarianTransformer
    tokenizer: TeacherTokenizer
    sizes: MarianSizes
    shortlist: Shortlist | None
    sha256: Mapping[str, str]
    name: str
    licence: str | None
    languages: tuple[str, str] | None

    @classmethod
    def of(
        cls,
        files: TeacherFiles,
        model: MarianTransformer,
        tokenizer: TeacherTokenizer,
        shortlist: Shortlist | None = None,
    ) -> MarianTeacher:
        """What was read of files, with their digests."""
        return cls(
            model=model.eval(),
            tokenizer=tokenizer,
            sizes=model.sizes,
            shortlist=shortlist,
            sha256={path.name: file_sha256(path) for path in files.all},
            name=files.name,
            licence=files.licence,
            languages=files.languages,
        )


def read_marian(files: TeacherFiles) -> MarianTeacher:
    """Reads a model, its vocabulary and its shortlist.

    Raises:
        ModelError: a file cannot be read, is damaged or not supported, or does not belong to the others.
    """
    read = read_npz if files.model.suffix == ".npz" else read_binary
    items = read(files.model)
    sizes = read_sizes(items, files.model)
    check_items(items, sizes, files.model)
    tokenizer, src, tgt = read_tokenizer(files.vocabularies, files.ids)
    _check_vocabulary(files, src, sizes.src_size)
    _check_vocabulary(files, tgt, sizes.tgt_size)
    model = MarianTransformer(sizes)
    model.load_state_dict(read_state(items, sizes, src.order, tgt.order))
    shortlist = None
    if files.shortlist is not None:
        shortlist = read_shortlist(
            files.shortlist, src.order, tgt.order, joint=src.vocabulary is tgt.vocabulary
        )
    return MarianTeacher.of(files, model, tokenizer, shortlist)


def _check_vocabulary(files: TeacherFiles, words: Words, size: int) -> None:
    if len(words.order) != size:
        raise ModelError(
            "The teacher's vocabulary is not that of its model",
            where=", ".join(str(path) for path in (*files.vocabularies, *files.ids)),
            value=f"{len(words.order) - ADDED_IDS} words",
            allowed=f"{size - ADDED_IDS}, as the embeddings of {files.model.name} have",
            fix="use the vocabulary that came with the model",
        )
