"""What every command says when it is used wrongly: one sentence and the right exit code, never a traceback.

The commands are taken from the command line itself, so a new one is tried as soon as it exists.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from typer.testing import CliRunner, Result

from tests.support.people.command_tree import Leaf, every_command
from tests.support.services.guarded_kafka import GuardedKafka
from worker.cli.main import app

if TYPE_CHECKING:
    from tests.conftest import Services

pytestmark = pytest.mark.services

# They wait for their servers, or run their own.
UNTIL_STOPPED = {"run console", "run worker", "run relay", "run snapshot", "run insight"}
OWN_SERVERS = {"bench", "services up", "services down", "services status"}
WITHOUT_SERVERS = {
    "config",
    "console users add",
    "console users list",
    "console users remove",
    "resolve",
    "schemas check",
    "schemas export",
    "topics grants",
    "validate",
    "wrap",
}
WITH_FILE = {"bench"}  # its --json names a file


def takes_json(leaf: Leaf) -> bool:
    return leaf.name not in WITH_FILE and any("--json" in one.opts for one in leaf.command.params)


LEAVES = [leaf for leaf in every_command() if leaf.name not in UNTIL_STOPPED | OWN_SERVERS]
ASKING = [leaf for leaf in LEAVES if leaf.name not in WITHOUT_SERVERS]
NOWHERE = "127.0.0.1:1"
SECRET = "hush-hush"  # noqa: S105  # opens nothing
QUICKLY_S = 10.0

MAPPING = """
canonical_id: x
name: X
sportybet_id: 29
outcome_mapping:
  - {canonical_id: yes, sportybet_desc: Yes}
"""

GRID = """platform,market_id,market_name,label,canonical_id,outcome
sportybet,900,Goals,Yes,x,yes
"""

Use = Callable[..., Result]


@pytest.fixture
def use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Use:
    """Run a command in a folder with the files that the examples name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "market.yaml").write_text(MAPPING)
    (tmp_path / "grid.csv").write_text(GRID)
    for name in ("observations.jsonl", "sportybet-reply.json"):
        (tmp_path / name).write_text("{}\n")

    def run(arguments: list[str], **environment: str) -> Result:
        cut = arguments.index("|") if "|" in arguments else None
        return CliRunner(env={"COLUMNS": "250", **environment}).invoke(app, arguments[:cut])

    return run


def is_told(result: Result, code: int) -> str:
    """What the command said; one sentence or usage, with this exit code, and nothing unexpected."""
    unexpected = result.exception if not isinstance(result.exception, SystemExit) else None
    assert unexpected is None, repr(unexpected)
    told: str = result.output
    assert result.exit_code == code, told
    assert told.strip()
    assert "Traceback" not in result.output
    assert SECRET not in result.output
    return told


@pytest.mark.parametrize("leaf", ASKING, ids=lambda leaf: leaf.name)
def test_an_address_where_nobody_listens(leaf: Leaf, use: Use) -> None:
    began = time.monotonic()
    result = use(
        leaf.example,
        MARKETMAP_KAFKA_BOOTSTRAP_SERVERS=NOWHERE,
        MARKETMAP_DATABASE_URL=f"postgresql://user:{SECRET}@{NOWHERE}/x",
    )
    told = is_told(result, 1)
    assert f"{NOWHERE} refuses the connection" in told
    assert time.monotonic() - began < QUICKLY_S


@pytest.mark.parametrize(
    "leaf", [leaf for leaf in ASKING if takes_json(leaf)], ids=lambda leaf: leaf.name
)
def test_an_address_where_nobody_listens_as_json(leaf: Leaf, use: Use) -> None:
    result = use(
        [*(leaf.path if leaf.name == "lag" else leaf.example), "--json"],
        MARKETMAP_KAFKA_BOOTSTRAP_SERVERS=NOWHERE,
        MARKETMAP_DATABASE_URL=f"postgresql://user:{SECRET}@{NOWHERE}/x",
    )
    is_told(result, 1)
    if leaf.name == "doctor":  # its findings are its answer
        assert json.loads(result.stdout)["ok"] is False
        return
    error = json.loads(result.stderr.splitlines()[-1])
    assert error.keys() == {"code", "message", "hint"}
    assert error["code"] == "NO_ANSWER"
    assert f"{NOWHERE} refuses the connection" in error["message"]


@pytest.fixture(scope="module")
def refusing(guarded: GuardedKafka, services: Services) -> dict[str, str]:
    """Servers that know the user and refuse the password."""
    guarded.add_user("someone", "right")
    kafka = guarded.by_password("someone", SECRET)
    address = urlsplit(services.postgres)
    user, place = address.username, address.netloc.rpartition("@")[2]
    url = urlunsplit(address._replace(netloc=f"{user}:{SECRET}@{place}"))
    access = {f"MARKETMAP_{name.upper()}": str(value) for name, value in kafka.items()}
    return access | {"MARKETMAP_DATABASE_URL": url, "MARKETMAP_ADMIN_TIMEOUT_S": "5"}


@pytest.mark.parametrize("leaf", ASKING, ids=lambda leaf: leaf.name)
def test_a_password_that_is_refused(leaf: Leaf, use: Use, refusing: dict[str, str]) -> None:
    told = is_told(use(leaf.example, **refusing), 1)
    assert "invalid credentials" in told or "password authentication failed" in told


READ = {"baseline", "catalogue", "docs", "document", "file", "files", "generated"}
WRITTEN = {"directory", "draft_file", "folder", "hidden_to", "json_file", "output", "save", "svg"}


def files_of(leaf: Leaf) -> Iterator[tuple[Leaf, Any]]:
    """The parameters of a command that name a file or a folder."""
    for one in leaf.command.params:
        kind = one.type_descriptor
        if kind.annotation is Path or kind.file_annotation is not None:
            yield leaf, one


FILES = [pair for leaf in every_command() for pair in files_of(leaf)]
MADE = {"console users add"}  # its file is made if it is not there
READING = [(leaf, one) for leaf, one in FILES if one.name in READ and leaf.name not in MADE]


def test_of_each_file_it_is_known_whether_it_is_read_or_written() -> None:
    assert {one.name for _, one in FILES} == READ | WRITTEN


@pytest.mark.parametrize(
    ("leaf", "parameter"), READING, ids=[f"{leaf.name} {one.name}" for leaf, one in READING]
)
def test_a_file_that_is_not_there(leaf: Leaf, parameter: Any, use: Use, tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    if not parameter.opts[0].startswith("--"):
        given = [
            *leaf.path,
            *(missing if word in _FILES else word for word in leaf.example[len(leaf.path) :]),
        ]
        given += [missing] if missing not in given else []
    else:
        option = parameter.opts[0]
        example = _WITH_FILE.get(leaf.name, leaf.example)
        at = example.index(option) if option in example else None
        kept = example if at is None else [*example[:at], *example[at + 2 :]]
        given = [*kept, option, missing]
    told = is_told(use(given, MARKETMAP_DATABASE_URL=f"postgresql://{NOWHERE}/x"), 2)
    assert "missing" in told


_SIGNED = ["--actor", "a", "--reason", "b"]
# Their examples do without a file.
_WITH_FILE = {
    "mappings update": ["mappings", "update", "btts", *_SIGNED],
    "unmapped map": ["unmapped", "map", "sportybet", "800117", *_SIGNED],
}
_FILES = {"observations.jsonl", "sportybet-reply.json", "market.yaml"}
NONSENSE = "no such thing \x1b[31m"
IDS = {
    "dead show": ["x"],
    "dead redrive": ["x", "--actor", "a", "--reason", "b"],
    "mappings show": [NONSENSE],
    "mappings history": [NONSENSE],
    "mappings export": [NONSENSE],
    "mappings update": [NONSENSE, "--set", "name=x", "--actor", "a", "--reason", "b"],
    "mappings activate": [NONSENSE, "--actor", "a", "--reason", "b"],
    "mappings deactivate": [NONSENSE, "--actor", "a", "--reason", "b"],
    "mappings delete": [NONSENSE, "--actor", "a", "--reason", "b"],
    "mappings what-if": [NONSENSE, "--delete"],
    "mappings rollback": [NONSENSE, "1", "--actor", "a", "--reason", "b"],
    "unmapped show": ["sportybet", NONSENSE],
    "unmapped acknowledge": [NONSENSE, NONSENSE, "--actor", "a", "--reason", "b"],
    "unmapped ignore": ["sportybet", NONSENSE, "--actor", "a", "--reason", "b"],
    "unmapped reopen": ["sportybet", NONSENSE, "--actor", "a", "--reason", "b"],
    "unmapped map": ["sportybet", NONSENSE],
    "unmapped take": ["sportybet", NONSENSE, "--actor", "a"],
    "unmapped release": ["sportybet", NONSENSE, *_SIGNED],
    "unmapped snooze": ["sportybet", NONSENSE, "--for", "3d", *_SIGNED],
    "unmapped wake": ["sportybet", NONSENSE, *_SIGNED],
    "unmapped views save": [NONSENSE * 9, "--query", NONSENSE, "--actor", "a"],
    "unmapped views show": [NONSENSE, "--actor", "a"],
    "unmapped views delete": [NONSENSE, "--actor", "a"],
    "drafts show": [NONSENSE],
    "drafts create": [NONSENSE, "--set", "priority=5", *_SIGNED],
    "drafts edit": [NONSENSE, "--set", "priority=7", *_SIGNED],
    "drafts remove": [NONSENSE, *_SIGNED],
    "drafts propose": [NONSENSE, "--actor", "a"],
    "drafts withdraw": ["9", *_SIGNED],
    "changes show": [NONSENSE],
    "changes diff": ["9"],
    "changes approve": ["9", "--actor", "a"],
    "changes send-back": [NONSENSE, *_SIGNED],
    "changes what-if": [NONSENSE],
    "changes comment": ["9", *_SIGNED],
    "changes revert": [NONSENSE, *_SIGNED],
    "changes four-eyes": [NONSENSE, *_SIGNED],
    "console users remove": [NONSENSE, "--file", "users.txt"],
    "replay show": [NONSENSE],
    "topics grants": [NONSENSE],
    "suggestions show": ["sportybet", NONSENSE],
    "suggestions accept": ["sportybet", NONSENSE, "--actor", "a", "--reason", "b"],
    "events show": [NONSENSE],
    "events proofs": [NONSENSE],
    "evidence show": [NONSENSE],
    "alarms show": [NONSENSE],
    "alarms acknowledge": [NONSENSE, "--actor", "a", "--reason", "b"],
    "alarms close": [NONSENSE, "--actor", "a", "--reason", "b"],
}
OTHERS = {
    "demo": [],
    "doctor": ["--as", NONSENSE],
    "config": [],
    "topics ensure": [],
    "migrate": ["--revision", NONSENSE],
    "roles": [],
    "mappings list": ["--platform", NONSENSE],
    "mappings create": ["--set", NONSENSE, "--actor", "a", "--reason", "b"],
    "mappings import": [],
    "unmapped list": ["--status", NONSENSE],
    "unmapped cases": ["--owner", NONSENSE, "--limit", NONSENSE],
    "unmapped views list": ["--output", NONSENSE, "--actor", "a"],
    "drafts list": ["--limit", NONSENSE],
    "drafts export": [NONSENSE, "--platform", NONSENSE],
    "drafts import": ["observations.jsonl", *_SIGNED],
    "changes list": ["--state", NONSENSE],
    "console users add": ["ada", "--role", NONSENSE, "--file", "users.txt"],
    "console users list": ["--file", NONSENSE],
    "suggestions list": ["--platform", NONSENSE],
    "events list": ["--limit", NONSENSE],
    "evidence coverage": ["--platform", NONSENSE],
    "evidence list": ["--grade", NONSENSE],
    "alarms list": ["--platform", NONSENSE],
    "dead list": ["--reason", NONSENSE],
    "resolve": ["observations.jsonl", "--explain", NONSENSE],
    "wrap": ["sportybet-reply.json", "--platform", NONSENSE],
    "validate": ["observations.jsonl", "--max-bytes", NONSENSE],
    "replay plan": ["--from", "1h", "--platform", NONSENSE],
    "replay run": ["--resume", NONSENSE],
    "replay list": ["--limit", NONSENSE],
    "replay recount": ["--topic", NONSENSE, "--from", "1h", "--actor", "a", "--reason", "b"],
    "lag": ["--watch", NONSENSE],
    "schemas check": ["--baseline", NONSENSE],
    "schemas export": ["--docs", "/nowhere/x.md", "--dry-run"],
}
TRIED = {name: given for name, given in (IDS | OTHERS).items() if given}


def test_nonsense_is_tried_with_every_command_that_takes_anything() -> None:
    assert {leaf.name for leaf in LEAVES} == (IDS | OTHERS).keys()


@pytest.mark.parametrize("name", TRIED)
def test_nonsense(name: str, use: Use, services: Services, shared_database: str) -> None:
    result = use(
        [*name.split(), *TRIED[name]],
        MARKETMAP_KAFKA_BOOTSTRAP_SERVERS=services.kafka,
        MARKETMAP_DATABASE_URL=shared_database,
    )
    told = is_told(result, result.exit_code)
    assert result.exit_code in {1, 2}
    assert "\x1b" not in told
