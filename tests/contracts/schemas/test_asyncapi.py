"""The AsyncAPI document holds together: required parts, references, keys, headers, valid examples.

The rules are those of the specification, version 3.0.0, for the parts that the document uses.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from schemas.asyncapi import asyncapi
from schemas.json_schema import MESSAGES, message_schema

DOCUMENT = asyncapi()
MESSAGE_NAMES = list(DOCUMENT["components"]["messages"])


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for part in value.values():
            yield from references(part)
    elif isinstance(value, list):
        for part in value:
            yield from references(part)


def resolve(reference: str) -> Any:
    place: Any = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        place = place[step]
    return place


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def test_the_required_parts_are_there() -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert DOCUMENT["info"]["title"]
    assert DOCUMENT["info"]["version"]
    assert set(DOCUMENT) <= {
        "asyncapi",
        "info",
        "defaultContentType",
        "channels",
        "operations",
        "components",
    }


def test_every_reference_leads_somewhere_in_the_document() -> None:
    found = set(references(DOCUMENT))
    assert found
    for reference in found:
        assert reference.startswith("#/")
        assert resolve(reference)


@pytest.mark.parametrize("name", DOCUMENT["channels"])
def test_a_channel_has_an_address_and_messages_from_the_components(name: str) -> None:
    channel = DOCUMENT["channels"][name]
    assert set(channel) <= {"address", "description", "messages", "bindings"}
    assert channel["bindings"]["kafka"]["topic"] == channel["address"]
    for message in channel["messages"].values():
        assert message["$ref"].startswith("#/components/messages/")


@pytest.mark.parametrize("name", DOCUMENT["operations"])
def test_an_operation_uses_messages_of_its_own_channel(name: str) -> None:
    operation = DOCUMENT["operations"][name]
    assert set(operation) <= {"action", "channel", "summary", "messages"}
    assert operation["action"] in {"send", "receive"}
    for message in operation["messages"]:
        assert message["$ref"].startswith(operation["channel"]["$ref"] + "/messages/")


def test_every_channel_has_an_operation() -> None:
    used = {operation["channel"]["$ref"] for operation in DOCUMENT["operations"].values()}
    assert used == {f"#/channels/{name}" for name in DOCUMENT["channels"]}


def test_the_application_reads_observations_and_writes_everything_else() -> None:
    read = {
        resolve(operation["channel"]["$ref"])["address"]
        for operation in DOCUMENT["operations"].values()
        if operation["action"] == "receive"
    }
    assert read == {"observations.betpawa", "observations.sportybet", "observations.bet9ja"}


@pytest.mark.parametrize("name", MESSAGE_NAMES)
def test_a_message_says_its_content_type_key_and_payload(name: str) -> None:
    message = DOCUMENT["components"]["messages"][name]
    assert message["contentType"]
    assert message["payload"]
    assert message["bindings"]["kafka"]["key"]["description"]


@pytest.mark.parametrize("name", [name for name in MESSAGE_NAMES if name != "Observation"])
def test_every_written_message_requires_the_id_header(name: str) -> None:
    headers = resolve(DOCUMENT["components"]["messages"][name]["headers"]["$ref"])
    assert headers["type"] == "object"
    assert "marketmap-id" in headers["required"]


@pytest.mark.parametrize("name", MESSAGE_NAMES)
def test_every_message_has_examples_that_are_valid(name: str) -> None:
    message = DOCUMENT["components"]["messages"][name]
    assert message["examples"]
    for example in message["examples"]:
        validator(message["payload"]).validate(example["payload"])
        validator(message.get("headers", {})).validate(example.get("headers", {}))


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.file)
def test_a_message_has_the_same_schema_here_as_in_its_own_file(message: Any) -> None:
    alone = message_schema(message)
    here = DOCUMENT["components"]["schemas"][alone["title"]]
    assert here["properties"].keys() == alone["properties"].keys()
    assert here["required"] == alone["required"]
