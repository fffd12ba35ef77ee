"""JSON Schema (draft 2020-12) of every message."""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple

from pydantic import BaseModel
from pydantic.json_schema import (
    GenerateJsonSchema,
    JsonSchemaMode,
    JsonSchemaValue,
    models_json_schema,
)

from .dead_letter import DeadLetter
from .mapping_event import MappingChanged
from .mapping_graded import MappingGraded
from .observation import Observation
from .redriven import Redriven
from .resolved import ResolvedEvent
from .unmapped import UnmappedMarket

Direction = Literal["input", "output"]


class Message(NamedTuple):
    """The model of a message's body (of its headers, on the dead letters' topic) and the file of its schema.

    `direction` is this application's: it reads an input and writes an output.
    """

    file: str
    model: type[BaseModel]
    direction: Direction


MESSAGES: Final = (
    Message("observation.v1.json", Observation, "input"),
    Message("resolved_event.v1.json", ResolvedEvent, "output"),
    Message("mapping_changed.v1.json", MappingChanged, "output"),
    Message("mapping_graded.v1.json", MappingGraded, "output"),
    Message("unmapped_market.v1.json", UnmappedMarket, "output"),
    Message("dead_letter_headers.v1.json", DeadLetter, "output"),
    Message("redriven_headers.v1.json", Redriven, "output"),
)

# What an absent field means is the same in all modes, so the models are described as they validate.
_MODE: Final[JsonSchemaMode] = "validation"


class _InOrderOfDefinition(GenerateJsonSchema):
    """Fields and examples in the order of the models, and no titles that only repeat the field's name."""

    def sort(self, value: JsonSchemaValue, parent_key: str | None = None) -> JsonSchemaValue:  # noqa: ARG002  the method's signature is Pydantic's
        return value

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002  as above
        return False


def message_schema(message: Message) -> dict[str, Any]:
    """Return the schema of one message as a complete document."""
    body = message.model.model_json_schema(
        by_alias=True, schema_generator=_InOrderOfDefinition, mode=_MODE
    )
    definitions = body.pop("$defs", {})
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:marketmap:"
        + message.file.removesuffix(".json").replace("_", "-").replace(".", ":"),
        **_titled(body),
    }
    return {**document, "$defs": definitions} if definitions else document


def shared_schemas(ref_template: str) -> dict[str, dict[str, Any]]:
    """The schemas of all messages and of what they refer to, by name, for a document that holds them all."""
    _, document = models_json_schema(
        [(message.model, _MODE) for message in MESSAGES],
        by_alias=True,
        schema_generator=_InOrderOfDefinition,
        ref_template=ref_template,
    )
    return {name: _titled(schema) for name, schema in document["$defs"].items()}


def _titled(schema: dict[str, Any]) -> dict[str, Any]:
    return {"title": schema["title"], **schema}
