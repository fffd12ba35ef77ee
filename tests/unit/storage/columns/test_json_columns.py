import json

import orjson
import pytest

from worker.storage.columns.json_columns import LONGEST, UnusableJson, decode_json
from worker.storage.engine import create_engine


def test_every_engine_decodes_its_json_columns_within_the_bounds() -> None:
    engine = create_engine("postgresql://h/d")
    assert engine.dialect._json_deserializer is decode_json


@pytest.mark.parametrize("text", ["1" * 20, "[" * 500, "nonsense", f'"{"x" * LONGEST}"'])
def test_a_value_beyond_the_bounds_is_read_as_the_reason_why_it_cannot_be_used(text: str) -> None:
    value = decode_json(text)
    assert isinstance(value, UnusableJson)
    assert value.startswith("a value that ")
    assert json.loads(json.dumps(value)) == orjson.loads(orjson.dumps(value)) == str(value)


def test_a_value_within_the_bounds_is_itself() -> None:
    assert decode_json('{"kind": "total"}') == {"kind": "total"}
