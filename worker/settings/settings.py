"""All settings of the worker, read from environment variables with the prefix MARKETMAP_."""

from typing import Literal, NamedTuple, Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from worker.settings.checks import (
    MIB,
    MOST_CLOCK_AHEAD_S,
    BootstrapServers,
    Bytes,
    Name,
    PostgresUrl,
    Seconds,
    Topic,
    TopicPrefix,
    TracingFlag,
)
from worker.settings.console_access import ConsoleAccess

PREFIX = "MARKETMAP_"
SECRETS = (
    "database_url",
    "kafka_password",
    "kafka_key_password",
    "console_oidc_client_secret",
    "console_reader_database_url",
    "console_editor_database_url",
    "console_approver_database_url",
)


def variable(field: str) -> str:
    """Return the environment variable of a field."""
    return PREFIX + field.upper()


class Topics(NamedTuple):
    """The names of the topics on the broker."""

    observations: dict[str, str]  # by platform: what a worker reads
    resolved: str
    dead: str
    unmapped: str
    changes: str
    latest: str
    evidence: str

    @property
    def outputs(self) -> list[str]:
        """What a worker writes."""
        return [self.resolved, self.dead, self.unmapped]

    @property
    def all(self) -> list[str]:
        return [
            *self.observations.values(),
            *self.outputs,
            self.changes,
            self.latest,
            self.evidence,
        ]


class Settings(ConsoleAccess):
    """Every field is an environment variable: `group_id` is MARKETMAP_GROUP_ID. Empty counts as not set."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True)

    database_url: PostgresUrl | None = Field(
        None,
        repr=False,
        description=(
            "Postgres, as "
            "postgresql://user:password@host:port/database?sslmode=verify-full&sslrootcert=FILE. "
            "In a password, write / ? # @ [ ] as %2F %3F %23 %40 %5B %5D."
        ),
    )
    database_connections: int = Field(
        3,
        ge=2,
        le=100,
        description=(
            "Maximum number of connections that a worker works with. One more listens for changes of "
            "mappings, and a relay in the worker takes another."
        ),
    )
    kafka_bootstrap_servers: BootstrapServers | None = Field(
        None, description="Kafka brokers, as host:port, comma-separated."
    )
    group_id: Name = Field(
        "market-mapping-worker", description="Consumer group. Watermarks belong to it."
    )

    snapshot_group_id: Name = Field(
        "market-mapping-snapshot", description="Consumer group of the snapshot processes."
    )
    insight_group_id: Name = Field(
        "market-mapping-insight", description="Consumer group of the insight processes."
    )
    client_id: Name = Field(
        "market-mapping-worker", description="Client id of the connections to Kafka."
    )
    member_name: str | None = Field(
        None,
        min_length=1,
        max_length=249,
        description=(
            "Static member of the group, for rolling restarts. Each process needs a name of its own."
        ),
    )

    topic_prefix: TopicPrefix = Field("", description="Prefix of every topic's name.")
    topic_betpawa: Topic = Field("observations.betpawa", description="Observations of BetPawa.")
    topic_sportybet: Topic = Field(
        "observations.sportybet", description="Observations of SportyBet."
    )
    topic_bet9ja: Topic = Field("observations.bet9ja", description="Observations of Bet9ja.")
    topic_resolved: Topic = Field(
        "odds.resolved", description="Resolved odds, one record for each observation."
    )
    topic_dead: Topic = Field(
        "observations.dead", description="Dead letters: records that could not be read."
    )
    topic_unmapped: Topic = Field(
        "unmapped.markets", description="First sightings of unmapped markets."
    )
    topic_changes: Topic = Field("mappings.changes", description="Changes of mappings; compacted.")
    topic_latest: Topic = Field(
        "odds.latest", description="Newest resolved odds of each event; compacted."
    )
    topic_evidence: Topic = Field(
        "mappings.evidence", description="Grades of mappings at bookmakers; compacted."
    )
    partitions: int = Field(
        6,
        ge=1,
        le=1000,
        description="Number of partitions of a topic that `topics ensure` creates.",
    )
    max_message_bytes: Bytes = Field(
        4 * MIB, description="Maximum size of a record that is read or written, in bytes."
    )

    batch_max_bytes: Bytes = Field(
        16 * MIB, description="Maximum size of what is fetched at once, in bytes."
    )
    max_unpacked_bytes: Bytes = Field(
        128 * MIB,
        description=(
            "Maximum size that a compressed batch may expand to, in bytes. If a batch exceeds it, "
            "its partition is stopped."
        ),
    )
    batch_max_records: int = Field(
        2000, ge=1, le=100_000, description="Maximum number of records that are fetched at once."
    )
    count_interval_s: float = Field(
        1.0,
        ge=0,
        le=60,
        allow_inf_nan=False,
        description=(
            "A worker counts what it has published at the latest after this time, in seconds. After a crash "
            "that is published again, and what was published while it was counted. 0: each fetch is counted "
            "alone."
        ),
    )
    count_max_bytes: Bytes = Field(
        96 * MIB,
        description=(
            "A worker counts what it has published before its records exceed this size, in bytes. What is "
            "published while others are counted is part of it. They are in memory until then."
        ),
    )
    count_max_records: int = Field(
        50_000,
        ge=1,
        le=1_000_000,
        description="Maximum number of records that a worker has published and not counted yet.",
    )

    max_clock_ahead_s: float = Field(
        300,
        ge=0,
        le=MOST_CLOCK_AHEAD_S,
        allow_inf_nan=False,
        description=(
            "Maximum time by which observed_at may be ahead of the record's Kafka timestamp or of "
            "the clock; more is a dead letter, OBSERVED_IN_FUTURE; 0: no limit."
        ),
    )

    snapshot_unseen_s: float = Field(
        3600,
        ge=0,
        le=366 * 24 * 60 * 60,
        allow_inf_nan=False,
        description=(
            "The snapshot process removes an event from odds.latest if it has not been seen for this "
            "long; 0: never. Use several scrape intervals."
        ),
    )

    insight_max_bytes: Bytes = Field(
        64 * MIB,
        description="Maximum size of the boards that the insight process keeps, compressed, in bytes.",
    )
    insight_max_age_s: float = Field(
        24 * 60 * 60,
        ge=60,
        le=30 * 24 * 60 * 60,
        allow_inf_nan=False,
        description=(
            "The insight process takes no observation older than this, and forgets an event that has "
            "not been seen for this long."
        ),
    )
    insight_interval_s: Seconds = Field(
        60, description="Interval at which the insight process writes what it has found."
    )
    insight_cpu_share: float = Field(
        0.2,
        gt=0,
        le=1,
        allow_inf_nan=False,
        description="Share of one core that the insight process uses at most, over some minutes.",
    )

    brake_consecutive: int = Field(
        100,
        ge=0,
        le=1_000_000,
        description="Stop a partition at this many consecutive dead letters; 0: never.",
    )
    brake_ratio: float = Field(
        0.5,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description=(
            "Stop a partition when this share of its last records are dead letters; 0: never."
        ),
    )
    brake_window: int = Field(
        1000,
        ge=1,
        le=1_000_000,
        description="Number of last records of a partition over which the share is taken.",
    )

    max_new_markets_per_hour: int = Field(
        2000,
        ge=0,
        le=1_000_000,
        description=(
            "Maximum number of new unmapped markets of a bookmaker in an hour; 0: no limit."
        ),
    )

    session_timeout_s: Seconds = Field(
        30, ge=6, description="The group removes a member that has been silent for this long."
    )
    rebalance_timeout_s: Seconds = Field(
        60, description="During a rebalance the group waits this long for members to rejoin."
    )
    fetch_wait_s: Seconds = Field(
        0.05, description="Maximum time that a fetch waits for records if there are none."
    )
    index_poll_s: Seconds = Field(
        5,
        description=(
            "Interval at which changes of mappings are looked for, in case a notification was lost."
        ),
    )
    relay_poll_s: Seconds = Field(
        5,
        description=(
            "Interval at which the relay looks for changes, in case a notification was lost."
        ),
    )
    relay_in_worker: bool = Field(
        default=False,
        description="Run a relay in every worker as well. Of all relays, one publishes.",
    )
    publish_timeout_s: Seconds = Field(
        60,
        description=(
            "Timeout of publishing a batch. If its records are not acknowledged by then, the worker "
            "exits."
        ),
    )
    commit_timeout_s: Seconds = Field(
        10,
        description=(
            "Timeout of a commit of offsets. A commit that fails is made up for by the next one."
        ),
    )
    admin_timeout_s: Seconds = Field(15, description="Timeout of one request to the Kafka cluster.")

    on_truncation: Literal["stop", "continue"] = Field(
        "stop",
        description=(
            "What to do if a partition's log ends below what is counted: stop the partition, or "
            "continue at its end."
        ),
    )
    metadata_max_age_s: Seconds = Field(
        60, description="Maximum interval at which new partitions and leaders are looked for."
    )
    stall_timeout_s: Seconds = Field(
        120,
        ge=2,
        description=(
            "The worker exits if it makes no progress for this long although there is work. After "
            "half of it, `/livez` fails."
        ),
    )
    watchdog_interval_s: Seconds = Field(5, description="Interval at which progress is checked.")

    http_host: str = Field(
        "127.0.0.1",
        min_length=1,
        description="Address that the health and metrics endpoints listen on.",
    )
    http_port: int = Field(
        8080, ge=0, le=65535, description="Port of the endpoints; 0: any free port."
    )

    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="`auto`: readable on a terminal, JSON lines otherwise."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Lowest level that is logged."
    )
    tracing: TracingFlag = Field(
        default=False,
        description="Send a span for each batch by OTLP, to where the `OTEL_*` variables say.",
    )

    drain_timeout_s: Seconds = Field(
        20,
        description=(
            "Maximum time for finishing the batch in progress when partitions are revoked or the "
            "worker stops."
        ),
    )
    shutdown_timeout_s: Seconds = Field(30, description="Maximum time for the whole shutdown.")

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
        groups = {self.group_id, self.snapshot_group_id, self.insight_group_id}
        if len(groups) < 3:  # whoever commits for another skips what that one has not counted
            names = ", ".join(f"{PREFIX}{name}GROUP_ID" for name in ("", "SNAPSHOT_", "INSIGHT_"))
            raise ValueError(f"the groups {names} must differ from each other")
        return self

    @property
    def worker_connections(self) -> int:
        """The most connections to the database that a worker keeps: to work, to listen, and its relay's."""
        return self.database_connections + 1 + self.relay_in_worker

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
            latest=prefix + self.topic_latest,
            evidence=prefix + self.topic_evidence,
        )
