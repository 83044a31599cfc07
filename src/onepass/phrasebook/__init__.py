"""The embedded corpus: everyday English sentences with correct German translations, from a grammar.

Each source is drawn once; each of its translations makes its free choices anew (du or Sie, word order,
synonyms, tense, weil or denn) with fixed probabilities, so the raw corpus is multimodal as real ones are.
The words are in the text files of `tables/`; the code is grammar.
"""

from onepass.phrasebook.corpus import phrasebook, translate, utterances
from onepass.phrasebook.source_files import source_files

__all__ = ["phrasebook", "source_files", "translate", "utterances"]
