"""`marketmap topics ensure` on a real broker: what is missing, different, and left alone."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.conftest import InInstallation
from tests.support.people.commands import command_in_process
from tests.support.services.installation import Installation
from worker.kafka.cluster.topics import TopicSpec
from worker.kafka.connections import admin_of
from worker.kafka.topic_specs import ensure_topics, topic_specs

pytestmark = pytest.mark.services


async def names_there(installation: Installation) -> set[str]:
    names = [spec.name for spec in topic_specs(installation.settings)]
    return set(await admin_of(installation.settings).topics.facts(names))


async def story(installation: Installation) -> dict[str, Any]:
    """A topic is there and different, all others are missing."""
    settings = installation.settings
    odd = settings.topics.observations["betpawa"]
    await installation.admin.topics.create([TopicSpec(odd, 1, {"cleanup.policy": "compact"})])
    first_check = await command_in_process(installation, "topics", "ensure", "--check")
    after_check = await names_there(installation)
    return {
        "odd": odd,
        "others": [spec.name for spec in topic_specs(settings) if spec.name != odd],
        "first_check": first_check,
        "after_check": after_check,
        "first": await ensure_topics(settings),
        "second": await ensure_topics(settings),
        "odd_now": (await admin_of(settings).topics.facts([odd]))[odd],
        "last_check": await command_in_process(installation, "topics", "ensure", "--check"),
    }


@pytest.fixture(scope="module")
def told(in_installation: InInstallation) -> Any:
    return in_installation(story, topics=False)


def test_a_check_fails_and_creates_nothing(told: Any) -> None:
    assert told["first_check"].code == 1
    assert told["first_check"].stdout.count("missing") == len(told["others"])
    assert told["after_check"] == {told["odd"]}


def test_what_is_missing_is_created_once(told: Any) -> None:
    assert [topic.name for topic in told["first"] if topic.missing] == told["others"]
    assert not any(topic.missing for topic in told["second"])


def test_what_is_created_is_as_it_should_be(told: Any) -> None:
    assert [topic.name for topic in told["second"] if topic.differences] == [told["odd"]]


def test_what_is_different_is_told_with_the_command_that_mends_it_and_left_alone(told: Any) -> None:
    (odd,) = [topic for topic in told["second"] if topic.name == told["odd"]]
    assert [difference.what for difference in odd.differences] == [
        "has 1 partitions instead of 3",
        "has cleanup.policy=compact instead of delete",
    ]
    assert all(told["odd"] in difference.remedy for difference in odd.differences)
    assert (told["odd_now"].partitions, told["odd_now"].config["cleanup.policy"]) == (1, "compact")


def test_a_difference_is_a_failure_also_when_nothing_is_missing(told: Any) -> None:
    check = told["last_check"]
    assert (check.code, "missing" in check.stdout) == (1, False)
    assert "has 1 partitions instead of 3: kafka-topics.sh --bootstrap-server" in check.stderr
