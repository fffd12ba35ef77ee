"""What the doctor says of the connections that all processes together may take."""

from typing import Any

from worker.operations.doctor.connection_verdicts import OTHERS, judge_connections
from worker.operations.doctor.findings import Finding
from worker.settings.settings import Settings
from worker.storage.access.connections import ConnectionLimits

# What a new server of Postgres 16 allows: 97 to those who are no superuser.
DEFAULTS = ConnectionLimits(allowed=100, reserved=3, of_login=None, of_database=None, in_use=12)


def judged(limits: ConnectionLimits = DEFAULTS, **settings: Any) -> Finding:
    (found,) = judge_connections(limits, Settings(**settings))
    return found


def test_the_default_settings_fit_the_default_server_with_or_without_a_relay_in_each_worker() -> (
    None
):
    assert judged().level == "OK"
    assert judged(relay_in_worker=True).level == "OK"


def test_what_the_fleet_may_take_is_said_where_all_is_well() -> None:
    message = judged().message
    assert message == (
        "18 workers, one for each partition, may take 4 each and others 7: 79 of 97; 12 are in use"
    )


def test_more_partitions_may_ask_for_more_than_the_server_allows() -> None:
    found = judged(partitions=12)
    assert found.level == "WARNING"
    assert f"{36 * 4 + OTHERS} of 97" in found.message
    assert found.remedy == (
        "run at most 22 workers, lower MARKETMAP_DATABASE_CONNECTIONS, or raise max_connections to 154"
    )


def test_a_limit_of_the_login_or_of_the_database_counts_where_it_is_narrower() -> None:
    of_login = judged(DEFAULTS._replace(of_login=20))
    of_database = judged(DEFAULTS._replace(of_database=30, of_login=40))
    assert "79 of 20" in of_login.message
    assert (of_login.remedy or "").endswith("raise the login's CONNECTION LIMIT to 79")
    assert "79 of 30" in of_database.message
    assert (of_database.remedy or "").endswith("raise the database's CONNECTION LIMIT to 79")


def test_a_limit_below_what_others_take_leaves_room_for_no_worker() -> None:
    assert "run at most 0 workers" in (judged(DEFAULTS._replace(of_login=3)).remedy or "")
