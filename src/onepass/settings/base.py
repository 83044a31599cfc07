"""What all sections of a recipe share: frozen, strict, unknown keys are errors."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

PositiveInt = Annotated[int, Field(gt=0)]
NonNegativeInt = Annotated[int, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Share = Annotated[float, Field(ge=0, le=1)]


class Settings(BaseModel):
    """Base of every section: unknown keys are errors, nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)

    LATER: ClassVar[frozenset[str]] = frozenset()
    """Settings that a dump leaves out at their default: runs made before there were any stay up to date."""

    @model_serializer(mode="wrap")
    def _without_later_defaults(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields = type(self).model_fields
        later = {name for name in self.LATER if getattr(self, name) == fields[name].default}
        return {fields[name].alias or name: v for name, v in dump(self).items() if name not in later}


def unless_false(value: Any) -> Any:
    """None for false: TOML has no null."""
    return None if value is False else value
