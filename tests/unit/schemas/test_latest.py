"""Keys of `odds.latest`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.latest import latest_key, parse_latest_key
from tests.support.laws import LAWS

PLATFORMS = st.sampled_from(["betpawa", "sportybet", "bet9ja"])
IDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=100)


@pytest.mark.parametrize(
    ("event_id", "number", "key"),
    [
        ("sr:match:68995116", 0, b"sportybet:sr:match:68995116"),
        ("33289995", 2, b"sportybet:33289995/2"),
        ("1/2", 0, b"sportybet:1%2F2"),
        ("50%", 1, b"sportybet:50%25/1"),
    ],
)
def test_a_key_is_platform_and_event_and_of_a_part_its_number(
    event_id: str, number: int, key: bytes
) -> None:
    assert latest_key("sportybet", event_id, number) == key


@LAWS
@given(PLATFORMS, IDS, st.integers(0, 1000))
def test_a_key_names_what_it_was_made_of(platform: str, event_id: str, number: int) -> None:
    assert parse_latest_key(latest_key(platform, event_id, number)) == (platform, event_id, number)


@LAWS
@given(st.binary(max_size=40))
def test_any_other_key_names_nothing(key: bytes) -> None:
    found = parse_latest_key(key)
    assert found is None or latest_key(*found) == key


@pytest.mark.parametrize(
    "key",
    [
        b"",
        b"sportybet",
        b"sportybet:",
        b"betway:1",
        b"sportybet:1/",
        b"sportybet:1/01",
        b"bet9ja:1/2/3",
    ],
)
def test_keys_that_are_nearly_right_name_nothing(key: bytes) -> None:
    assert parse_latest_key(key) is None
