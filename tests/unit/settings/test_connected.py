"""Whoever connects is given settings in which the address is not optional."""

from __future__ import annotations

import pytest

from worker.settings.connected import (
    ConnectedSettings,
    load_connected,
    with_both,
    with_database,
    with_kafka,
)
from worker.settings.loading import SettingsError
from worker.settings.settings import Settings

BROKERS = "kafka:9092"
URL = "postgresql://user:secret@db/markets"


def test_what_lacks_an_address_is_none() -> None:
    nothing = Settings()
    assert with_kafka(nothing) is None
    assert with_database(nothing) is None
    assert with_both(nothing) is None
    assert with_both(Settings(kafka_bootstrap_servers=BROKERS)) is None
    assert with_both(Settings(database_url=URL)) is None


def test_every_other_setting_is_kept() -> None:
    settings = Settings(kafka_bootstrap_servers=BROKERS, database_url=URL, group_id="theirs")
    for connected in (with_kafka(settings), with_database(settings), with_both(settings)):
        assert connected is not None
        assert connected.model_dump() == settings.model_dump()
        assert connected.model_fields_set == settings.model_fields_set


def test_the_database_address_does_not_show() -> None:
    connected = ConnectedSettings(kafka_bootstrap_servers=BROKERS, database_url=URL)
    assert "secret" not in repr(connected)
    assert "secret" not in repr(with_database(Settings(database_url=URL)))


def test_a_bad_address_is_refused_there_too() -> None:
    with pytest.raises(ValueError, match="host:port"):
        ConnectedSettings(kafka_bootstrap_servers="nowhere", database_url=URL)


def test_a_process_without_addresses_names_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MARKETMAP_DATABASE_URL", raising=False)
    monkeypatch.delenv("MARKETMAP_KAFKA_BOOTSTRAP_SERVERS", raising=False)
    with pytest.raises(SettingsError) as refused:
        load_connected()
    assert refused.value.faults == [
        "MARKETMAP_KAFKA_BOOTSTRAP_SERVERS: is not set",
        "MARKETMAP_DATABASE_URL: is not set",
    ]
