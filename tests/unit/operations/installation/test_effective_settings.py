"""The settings in force, each with its source, without secrets."""

from worker.operations.installation.effective_settings import Effective, effective_settings
from worker.settings.settings import Settings

URL = "postgresql://user:hush@db:5432/marketmap?sslpassword=hush"


def effective(settings: Settings, environment: dict[str, str]) -> dict[str, Effective]:
    found = {one.variable: one for one in effective_settings(settings, environment)}
    assert len(found) == len(Settings.model_fields)
    return found


def test_every_setting_has_its_source() -> None:
    settings = Settings(database_url=URL, kafka_bootstrap_servers="kafka:9092", partitions=9)
    environment = {"MARKETMAP_PARTITIONS": "9", "MARKETMAP_DATABASE_URL_FILE": "/run/secrets/url"}
    found = effective(settings, environment)
    assert found["MARKETMAP_PARTITIONS"] == ("MARKETMAP_PARTITIONS", 9, "environment")
    assert found["MARKETMAP_DATABASE_URL"].source == "file"
    assert found["MARKETMAP_KAFKA_BOOTSTRAP_SERVERS"].source == "local services"
    assert found["MARKETMAP_GROUP_ID"].source == "default"


def test_a_variable_counts_in_any_case_and_an_empty_one_does_not() -> None:
    found = effective(
        Settings(partitions=9), {"marketmap_partitions": "9", "MARKETMAP_GROUP_ID": ""}
    )
    assert found["MARKETMAP_PARTITIONS"].source == "environment"
    assert found["MARKETMAP_GROUP_ID"].source == "default"


def test_of_the_databases_address_nothing_secret_is_shown() -> None:
    found = effective(Settings(database_url=URL), {"MARKETMAP_DATABASE_URL": URL})
    assert found["MARKETMAP_DATABASE_URL"].value == "postgresql://db:5432/marketmap"
    assert "hush" not in str(found)
