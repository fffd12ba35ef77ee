from pathlib import Path

import pytest

from worker.local.errors import LocalServicesError
from worker.local.services import LocalServices


@pytest.mark.parametrize("purge", [False, True])
def test_a_service_that_does_not_stop_keeps_no_other_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, purge: bool
) -> None:
    services = LocalServices(tmp_path)
    stopped: list[str] = []

    def stuck() -> None:
        raise LocalServicesError("kafka (pid 7) does not stop")

    for service in (services.kafka_service, services.postgres_service):
        service.folder.mkdir()
    monkeypatch.setattr(services.kafka_service, "stop", stuck)
    monkeypatch.setattr(services.postgres_service, "stop", lambda: stopped.append("postgres"))
    with pytest.raises(LocalServicesError, match=r"^kafka \(pid 7\) does not stop$"):
        services.stop(purge=purge)
    assert stopped == ["postgres"]
    assert services.kafka_service.folder.exists()
    assert services.postgres_service.folder.exists() is not purge
