"""All settings of the worker, read from environment variables with the prefix MARKETMAP_.

A secret can be given as the name of a file that holds it: MARKETMAP_DATABASE_URL_FILE instead of
MARKETMAP_DATABASE_URL.
"""

import os
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_settings import SettingsConfigDict

from worker.settings.kafka_access import KafkaAccess

PREFIX = "MARKETMAP_"
SECRETS = ("database_url", "kafka_password", "kafka_key_password")
# Read elsewhere: by the local services and by the tests.
OTHER_VARIABLES = ("ACTOR", "LOCAL_DIR", "PAYLOADS")
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
MAX_SHOWN = 60
MIB = 1024 * 1024


class SettingsError(Exception):
    """The settings are wrong. `faults` has one line for each wrong value: variable, value, reason."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


def _check_database_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"postgresql", "postgres", "postgresql+asyncpg"}:
        raise ValueError("must begin with postgresql://")
    if not parts.path.strip("/"):
        raise ValueError(
            "must name a database, as in postgresql://user:password@host:5432/database"
        )
    _check_tls_of_database(dict(parse_qsl(parts.query)))
    return url


def _check_tls_of_database(query: Mapping[str, str]) -> None:
    mode = query.get("sslmode", "prefer")
    if mode not in SSL_MODES:
        raise ValueError(f"sslmode must be one of {', '.join(SSL_MODES)}")
    for name in ("sslrootcert", "sslcert", "sslkey"):
        if name in query and not Path(query[name]).is_file():
            raise ValueError(f"there is no file at the path of {name}")


def _check_bootstrap_servers(servers: str) -> str:
    for server in servers.split(","):
        host, _, port = server.strip().rpartition(":")
        if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
            raise ValueError(f"{server.strip()!r} is not host:port")
    return servers


def _check_topic(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,249}", name) or name in {".", ".."}:
        raise ValueError("a topic name has 1 to 249 letters, digits, dots, underscores and hyphens")
    return name


def _check_tracing(wanted: bool) -> bool:  # noqa: FBT001  # Pydantic gives it so
    if wanted and not _is_installed("opentelemetry-exporter-otlp-proto-http"):
        raise ValueError("the extra is not installed: pip install 'market-mapping-worker[tracing]'")
    return wanted


def _is_installed(distribution: str) -> bool:
    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True


def _check_group(name: str) -> str:
    if not name.isprintable() or not 0 < len(name) <= 255:
        raise ValueError("a consumer group's name has 1 to 255 printable characters")
    return name


PostgresUrl = Annotated[str, AfterValidator(_check_database_url)]
BootstrapServers = Annotated[str, AfterValidator(_check_bootstrap_servers)]
Topic = Annotated[str, AfterValidator(_check_topic)]
TopicPrefix = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,100}$")]
Bytes = Annotated[int, Field(ge=1024, le=1024 * MIB)]
Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]


class Topics(NamedTuple):
    """The names of the topics on the broker."""

    observations: dict[str, str]  # by platform: what a worker reads
    resolved: str
    dead: str
    unmapped: str
    changes: str

    @property
    def outputs(self) -> list[str]:
        """What a worker writes."""
        return [self.resolved, self.dead, self.unmapped]

    @property
    def all(self) -> list[str]:
        return [*self.observations.values(), *self.outputs, self.changes]


class Settings(KafkaAccess):
    """Every field is an environment variable: `group_id` is MARKETMAP_GROUP_ID. Empty counts as not set."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True)

    database_url: PostgresUrl | None = Field(
        None,
        repr=False,
        description="Postgres, as postgresql://user:password@host:port/database?sslmode=verify-full&sslrootcert=FILE.",
    )
    kafka_bootstrap_servers: BootstrapServers | None = Field(
        None, description="Kafka brokers, as host:port, comma-separated."
    )
    group_id: Annotated[str, AfterValidator(_check_group)] = Field(
        "market-mapping-worker", description="Consumer group; watermarks belong to it."
    )

    client_id: Annotated[str, AfterValidator(_check_group)] = Field(
        "market-mapping-worker", description="Client id of connections to Kafka."
    )
    member_name: str | None = Field(
        None,
        min_length=1,
        max_length=249,
        description=(
            "Static member of the group, for rolling restarts. Each process needs a name of its own."
        ),
    )

    topic_prefix: TopicPrefix = Field("", description="Put before the name of every topic.")
    topic_betpawa: Topic = Field("observations.betpawa", description="Observations of BetPawa.")
    topic_sportybet: Topic = Field(
        "observations.sportybet", description="Observations of SportyBet."
    )
    topic_bet9ja: Topic = Field("observations.bet9ja", description="Observations of Bet9ja.")
    topic_resolved: Topic = Field(
        "odds.resolved", description="Resolved odds, one record an observation."
    )
    topic_dead: Topic = Field("observations.dead", description="Records that could not be read.")
    topic_unmapped: Topic = Field(
        "unmapped.markets", description="First sightings of unmapped markets."
    )
    topic_changes: Topic = Field("mappings.changes", description="Changes of mappings, compacted.")
    partitions: int = Field(6, ge=1, le=1000, description="Partitions of a topic that is created.")
    max_message_bytes: Bytes = Field(
        4 * MIB, description="Largest record read or written, in bytes."
    )

    batch_max_bytes: Bytes = Field(16 * MIB, description="Records of one batch together, in bytes.")
    max_unpacked_bytes: Bytes = Field(
        128 * MIB,
        description="Largest that a packed batch may unpack to, in bytes; then exit.",
    )
    batch_max_records: int = Field(2000, ge=1, le=100_000, description="Records of one batch.")

    brake_consecutive: int = Field(
        100,
        ge=0,
        le=1_000_000,
        description="Dead letters in a row in a partition at which to stop; 0: off.",
    )
    brake_ratio: float = Field(
        0.5, ge=0, le=1, allow_inf_nan=False, description="Share of them at which to stop; 0: off."
    )
    brake_window: int = Field(
        1000,
        ge=1,
        le=1_000_000,
        description="The share is that of so many last records of the partition.",
    )

    max_new_markets_per_hour: int = Field(
        2000,
        ge=0,
        le=1_000_000,
        description="New unmapped markets of a source in an hour; 0: any number.",
    )

    session_timeout_s: Seconds = Field(
        30, ge=6, description="Before the group gives a silent member up."
    )
    rebalance_timeout_s: Seconds = Field(
        60, description="The group waits this long for members to rejoin."
    )
    fetch_wait_s: Seconds = Field(0.05, description="How long an empty fetch waits for records.")
    index_poll_s: Seconds = Field(
        5, description="Mappings are looked at this often, should a notification be lost."
    )
    relay_poll_s: Seconds = Field(
        5, description="The relay looks for changes this often, should a notification be lost."
    )
    relay_in_worker: bool = Field(
        default=False, description="Run a relay in every worker too; one of all relays publishes."
    )
    publish_timeout_s: Seconds = Field(
        60, description="For the acknowledgement of a batch; then exit."
    )
    commit_timeout_s: Seconds = Field(
        10, description="For a commit of offsets; a later one makes up for it."
    )
    admin_timeout_s: Seconds = Field(15, description="For one question to the cluster.")

    on_truncation: Literal["stop", "continue"] = Field(
        "stop",
        description="When a log ends below what is counted: stop the partition, or go on at its end.",
    )
    metadata_max_age_s: Seconds = Field(
        60, description="New partitions and leaders are looked for at least this often."
    )
    stall_timeout_s: Seconds = Field(
        120,
        ge=2,
        description="Without any progress though there is work; then exit. Half of it: not alive.",
    )
    watchdog_interval_s: Seconds = Field(5, description="How often progress is looked at.")

    http_host: str = Field(
        "127.0.0.1", min_length=1, description="Address of the health and metrics endpoint."
    )
    http_port: int = Field(8080, ge=0, le=65535, description="Its port; 0 takes a free one.")

    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="auto: readable on a terminal, JSON lines otherwise."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least level shown."
    )
    tracing: Annotated[bool, AfterValidator(_check_tracing)] = Field(
        default=False,
        description="Send a span of each batch by OTLP; `OTEL_*` variables say where to.",
    )

    drain_timeout_s: Seconds = Field(20, description="For finishing the batch in hand, in seconds.")
    shutdown_timeout_s: Seconds = Field(30, description="For the whole shutdown, in seconds.")

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if self.max_message_bytes > self.batch_max_bytes:
            raise ValueError(f"{PREFIX}BATCH_MAX_BYTES must not be below {PREFIX}MAX_MESSAGE_BYTES")
        if self.batch_max_bytes > self.max_unpacked_bytes:
            raise ValueError(
                f"{PREFIX}MAX_UNPACKED_BYTES must not be below {PREFIX}BATCH_MAX_BYTES"
            )
        if self.drain_timeout_s > self.shutdown_timeout_s:
            raise ValueError(
                f"{PREFIX}DRAIN_TIMEOUT_S must not be above {PREFIX}SHUTDOWN_TIMEOUT_S"
            )
        if self.drain_timeout_s >= self.rebalance_timeout_s:
            raise ValueError(f"{PREFIX}DRAIN_TIMEOUT_S must be below {PREFIX}REBALANCE_TIMEOUT_S")
        if self.stall_timeout_s <= self.rebalance_timeout_s:
            raise ValueError(f"{PREFIX}STALL_TIMEOUT_S must be above {PREFIX}REBALANCE_TIMEOUT_S")
        if self.watchdog_interval_s > self.stall_timeout_s / 4:
            raise ValueError(
                f"{PREFIX}WATCHDOG_INTERVAL_S must not be above {PREFIX}STALL_TIMEOUT_S / 4"
            )
        topics = self.topics.all
        if len(set(topics)) < len(topics):
            raise ValueError(f"the topics {PREFIX}TOPIC_* must differ from each other")
        return self

    @property
    def topics(self) -> Topics:
        """The names of the topics on the broker: with their prefix."""
        prefix = self.topic_prefix
        return Topics(
            observations={
                "betpawa": prefix + self.topic_betpawa,
                "sportybet": prefix + self.topic_sportybet,
                "bet9ja": prefix + self.topic_bet9ja,
            },
            resolved=prefix + self.topic_resolved,
            dead=prefix + self.topic_dead,
            unmapped=prefix + self.topic_unmapped,
            changes=prefix + self.topic_changes,
        )


def load_settings() -> Settings:
    """Read the environment. Raises SettingsError, with all faults at once."""
    faults = list(_misspelt(os.environ))
    secrets: dict[str, Any] = dict(_read_secret_files(os.environ, faults))
    try:
        settings = Settings(**secrets)
    except ValidationError as error:
        raise SettingsError([*faults, *map(_describe, error.errors(include_url=False))]) from None
    if faults:
        raise SettingsError(faults)
    return settings


def variable(field: str) -> str:
    """Return the environment variable of a field."""
    return PREFIX + field.upper()


def _read_secret_files(
    environment: Mapping[str, str], faults: list[str]
) -> Iterator[tuple[str, str]]:
    for field in SECRETS:
        name = variable(field) + "_FILE"
        path = environment.get(name)
        if not path:
            continue
        if environment.get(variable(field)):
            faults.append(
                f"{name}: {_shown(path)}: give either this or {variable(field)}, not both"
            )
        try:
            yield field, Path(path).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not a text file"
            faults.append(f"{name}: {_shown(path)}: {reason}")


def _misspelt(environment: Mapping[str, str]) -> Iterator[str]:
    """Name variables that are almost one of ours: a typo would silently leave the default in force."""
    files = [f"{field.upper()}_FILE" for field in SECRETS]
    known = [*(field.upper() for field in Settings.model_fields), *files, *OTHER_VARIABLES]
    for name in sorted(environment):
        suffix = name.removeprefix(PREFIX)
        if suffix == name or suffix in known:
            continue
        for near in get_close_matches(suffix, known, n=1, cutoff=0.85):
            shown = _shown_of(near.lower(), environment[name])
            yield f"{name}: {shown}: there is no such setting; {PREFIX}{near} is meant?"


def _describe(error: Mapping[str, object]) -> str:
    location, message = error["loc"], str(error["msg"]).removeprefix("Value error, ")
    if not isinstance(location, tuple) or not location:
        return message
    field = str(location[0])
    shown = _shown_of(field, error["input"])
    return f"{variable(field)}: {shown}: {message[:1].lower()}{message[1:]}"


def _shown_of(field: str, value: object) -> str:
    return "(hidden)" if field in SECRETS else _shown(value)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."
