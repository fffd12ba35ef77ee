"""What a broker says that our credentials may do."""

from types import SimpleNamespace

import pytest

from worker.domain.errors import TransientError
from worker.kafka.cluster.librdkafka import operations_of


def test_the_operations_are_named_as_rules_name_them() -> None:
    described = SimpleNamespace(authorized_operations=[SimpleNamespace(name="READ")])
    assert operations_of(described) == {"READ"}


def test_an_answer_without_operations_is_asked_for_again_and_is_no_empty_permission() -> None:
    with pytest.raises(TransientError, match="ask again"):
        operations_of(SimpleNamespace(authorized_operations=None))
