"""Every example, of a message or of a field, is valid where it stands."""

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from schemas.json_schema import MESSAGES, Message, message_schema

SCHEMAS = {message.file: message_schema(message) for message in MESSAGES}


def fields_with_examples() -> Iterator[Any]:
    for file, document in SCHEMAS.items():
        models = {document["title"]: document, **document.get("$defs", {})}
        for title, model in models.items():
            for name, field in model["properties"].items():
                for example in field.get("examples", []):
                    yield pytest.param(file, field, example, id=f"{file}-{title}.{name}-{example}")


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.file)
def test_every_schema_is_a_schema(message: Message) -> None:
    Draft202012Validator.check_schema(SCHEMAS[message.file])


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.file)
def test_every_message_has_examples_that_its_model_and_its_schema_accept(message: Message) -> None:
    schema = SCHEMAS[message.file]
    assert schema["examples"]
    for example in schema["examples"]:
        message.model.model_validate(example)
        Draft202012Validator(schema).validate(example)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.file)
def test_what_a_model_writes_its_schema_accepts(message: Message) -> None:
    schema = SCHEMAS[message.file]
    for example in schema["examples"]:
        written = message.model.model_validate(example).model_dump(mode="json", by_alias=True)
        if "headers" in message.file:
            written = {
                name: value if value is None else str(value) for name, value in written.items()
            }
        Draft202012Validator(schema).validate(written)


@pytest.mark.parametrize(("file", "field", "example"), list(fields_with_examples()))
def test_every_example_of_a_field_is_valid_there(
    file: str, field: dict[str, Any], example: Any
) -> None:
    schema = {**field, "$defs": SCHEMAS[file].get("$defs", {})}
    Draft202012Validator(schema).validate(example)


def test_every_field_is_described() -> None:
    undescribed = [
        f"{file} {title}.{name}"
        for file, document in SCHEMAS.items()
        for title, model in {document["title"]: document, **document.get("$defs", {})}.items()
        for name, field in model["properties"].items()
        if not field.get("description")
    ]
    assert undescribed == []
