"""The grants in the documents are those that the parts are tested with."""

from __future__ import annotations

import shlex
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Literal

import pytest

from worker.operations.installation.grants import ROLES, Grant, acl_command
from worker.settings.settings import Settings

DOCUMENT = Path(__file__).parents[4] / "docs" / "security.md"


def rows() -> list[str]:
    """A row for each part, kind of resource and operation."""
    return [row for part, grants in ROLES.items() for row in rows_of(part, grants(Settings()))]


def rows_of(part: str, grants: list[Grant]) -> list[str]:
    names = defaultdict(list)
    for grant in grants:
        star = "*" if grant.pattern == "PREFIXED" else ""
        names[grant.resource, grant.operation].append(f"`{grant.name}{star}`")
    return [
        f"| {part} | {operation} | {resource} | {', '.join(found)} |"
        for (resource, operation), found in names.items()
    ]


def test_the_document_lists_every_grant_and_no_other() -> None:
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    listed = [line for line in lines if line.split(" | ")[0].removeprefix("| ") in ROLES]
    assert listed == rows()


def test_a_prefix_and_other_names_are_in_the_grants() -> None:
    settings = Settings(
        topic_prefix="staging.",
        group_id="g",
        snapshot_group_id="gs",
        insight_group_id="gi",
        topic_changes="changes",
    )
    names = {grant.name for grants in ROLES.values() for grant in grants(settings)}
    assert {"staging.changes", "staging.changes-relay", "g", "g.replay.", "gs", "gi"} <= names
    assert all(name.startswith(("staging.", "g")) for name in names)


@pytest.mark.parametrize("pattern", ["LITERAL", "PREFIXED"])
def test_a_printed_call_gives_a_shell_the_words_that_are_meant(
    pattern: Literal["LITERAL", "PREFIXED"],
) -> None:
    principal, name, servers = "User:CN=market worker,O='Acme'", "a group; rm -rf $HOME", "a b:1"
    words = shlex.split(acl_command(Grant("GROUP", pattern, name, "READ"), servers, principal))
    given = dict(pairwise(words))
    assert given["--bootstrap-server"] == servers
    assert given["--allow-principal"] == principal
    assert given["--group"] == name


def test_what_needs_no_quotes_gets_none() -> None:
    grant = Grant("TOPIC", "LITERAL", "odds.resolved", "WRITE")
    assert "'" not in acl_command(grant, "kafka-1:9092,kafka-2:9092", "User:worker")
