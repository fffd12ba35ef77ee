"""Kafka's storage is formatted under any cluster id."""

from pathlib import Path

import pytest

from worker.local.instance import Instance
from worker.local.kafka import Kafka

pytestmark = pytest.mark.services


def test_a_cluster_id_may_begin_with_a_hyphen(tmp_path: Path) -> None:
    instance = Instance("-AAAAAAAAAAAAAAAAAAAAA", (19092, 19093), wanted=True)
    Kafka(tmp_path, lambda _: None).prepare(instance)
    assert instance.token in (tmp_path / "data" / "meta.properties").read_text()
