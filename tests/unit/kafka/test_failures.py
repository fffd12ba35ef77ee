import pytest
from aiokafka import errors

from worker.kafka.failures import in_words


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (TimeoutError(), "no answer in time"),
        (TimeoutError("within 3 s"), "within 3 s"),
        (errors.KafkaTimeoutError(), "KafkaTimeoutError"),
        (
            errors.GroupAuthorizationFailedError("odds"),
            "[Error 30] GroupAuthorizationFailedError: odds",
        ),
        (
            errors.KafkaConnectionError("connection at kafka:9092 closed"),
            "KafkaConnectionError: connection at kafka:9092 closed",
        ),
        (OSError(), "OSError"),
    ],
    ids=repr,
)
def test_an_error_says_something_that_is_no_code(error: Exception, sentence: str) -> None:
    assert in_words(error) == sentence
