"""The sections of a recipe as frozen settings.

Unknown keys, wrong types and values out of range are errors.
"""

from onepass.settings.base import Settings
from onepass.settings.data import (
    AugmentSettings,
    CorpusSource,
    DataSettings,
    FilterSettings,
    TextSource,
    TokenizerSettings,
    TranslationFilterSettings,
)
from onepass.settings.evaluation import CardSettings, EvaluateSettings
from onepass.settings.student import OWN_SIZES, AuxiliarySettings, FinetuneSettings, StudentSettings
from onepass.settings.training import (
    AlignSettings,
    DistillSettings,
    TeacherSettings,
    TrainingSettings,
    TransformerSettings,
    without_pace,
)

__all__ = [
    "OWN_SIZES",
    "AlignSettings",
    "AugmentSettings",
    "AuxiliarySettings",
    "CardSettings",
    "CorpusSource",
    "DataSettings",
    "DistillSettings",
    "EvaluateSettings",
    "FilterSettings",
    "FinetuneSettings",
    "Settings",
    "StudentSettings",
    "TeacherSettings",
    "TextSource",
    "TokenizerSettings",
    "TrainingSettings",
    "TransformerSettings",
    "TranslationFilterSettings",
    "without_pace",
]
