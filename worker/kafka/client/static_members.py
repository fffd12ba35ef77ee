"""Tells a static member of a group that another process has taken its name.

A static member is known to the group by a name that stays the same over a restart. If a second process joins
with the name of one that still runs, the broker gives it the place, and fences the first one: each request
that says both the name and the former member id is answered with FENCED_INSTANCE_ID. aiokafka does not
say the name in heartbeats and commits, so the answer is that its member id is not known; it joins again, and
takes the place back. The two would do that for ever, once a second, and both publish.

Here the coordinator says the name in every request, and the answer ends the member. It learns that its name
is taken from the next heartbeat at the latest. aiokafka has no place for it, so its coordinator is replaced;
contract tests hold what that relies on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from aiokafka.consumer import consumer
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.protocol.api import Request, RequestStruct
from aiokafka.protocol.commit import OffsetCommitRequest, OffsetCommitResponse_v3
from aiokafka.protocol.group import HeartbeatRequest, HeartbeatResponse_v1
from aiokafka.protocol.types import Array, Int32, Int64, Schema, String

from worker.domain.errors import FatalError
from worker.settings.settings import variable

_FENCED_INSTANCE_ID: Final = 82
_NOT_A_MEMBER: Final = ""
_NO_EPOCH: Final = -1
_TEXT: Final = String("utf-8")

_Theirs: Final[Any] = GroupCoordinator


class FencedMemberError(FatalError):
    """Another process has joined the group under the name of this one."""


class HeartbeatResponse(HeartbeatResponse_v1):
    """Of version 3; it is that of version 1."""

    API_VERSION = 3


class HeartbeatStruct(RequestStruct):
    """Version 3, the first one with the name: Kafka 2.3 and later."""

    API_KEY = 12
    API_VERSION = 3
    RESPONSE_TYPE = HeartbeatResponse
    SCHEMA = Schema(
        ("group", _TEXT), ("generation", Int32), ("member_id", _TEXT), ("member_name", _TEXT)
    )


class NamedHeartbeat(Request[HeartbeatStruct]):
    """``fields`` as the schema orders them."""

    API_KEY = 12

    def __init__(self, *fields: Any) -> None:
        self._fields = fields

    def build(self, request_struct_class: type[HeartbeatStruct]) -> HeartbeatStruct:
        return request_struct_class(*self._fields)


class OffsetCommitResponse(OffsetCommitResponse_v3):
    """Of version 7; it is that of version 3."""

    API_VERSION = 7


class OffsetCommitStruct(RequestStruct):
    """Version 7, the first one with the name: Kafka 2.3 and later."""

    API_KEY = 8
    API_VERSION = 7
    RESPONSE_TYPE = OffsetCommitResponse
    SCHEMA = Schema(
        ("group", _TEXT),
        ("generation", Int32),
        ("member_id", _TEXT),
        ("member_name", _TEXT),
        (
            "topics",
            Array(
                ("topic", _TEXT),
                (
                    "partitions",
                    Array(
                        ("partition", Int32),
                        ("offset", Int64),
                        ("leader_epoch", Int32),
                        ("metadata", _TEXT),
                    ),
                ),
            ),
        ),
    )


class NamedCommit(Request[OffsetCommitStruct]):
    """``fields`` as the schema orders them."""

    API_KEY = 8

    def __init__(self, *fields: Any) -> None:
        self._fields = fields

    def build(self, request_struct_class: type[OffsetCommitStruct]) -> OffsetCommitStruct:
        return request_struct_class(*self._fields)


class NamedCoordinator(_Theirs):  # type: ignore[misc]  # the client ships no types
    """As aiokafka's; a member that has a name says it, and ends when the name is taken."""

    async def ensure_active_group(self, subscription: Any, prev_assignment: Any) -> Any:
        try:
            return await super().ensure_active_group(subscription, prev_assignment)
        except FencedMemberError as error:
            await self._push_error_to_user(error)
            return None

    async def _send_req(self, request: Any) -> Any:
        """Raises FencedMemberError, which no caller takes for an error of the connection."""
        asked_as = self.member_id
        response = await super()._send_req(self._named(request))
        # Who has joined again meanwhile, has another member id, and is not fenced by its own.
        if asked_as == self.member_id and _FENCED_INSTANCE_ID in _errors_of(response):
            raise FencedMemberError(
                f"another process has joined the group {self.group_id} as {self._group_instance_id}, "
                f"the name of this one (FENCED_INSTANCE_ID): give each process its own "
                f"{variable('member_name')}"
            )
        return response

    def _named(self, request: Any) -> Any:
        name = self._group_instance_id
        if name is None or self.member_id == _NOT_A_MEMBER:
            return request
        who = (self.group_id, self.generation, self.member_id, name)
        if isinstance(request, HeartbeatRequest):
            return NamedHeartbeat(*who)
        if isinstance(request, OffsetCommitRequest):
            return NamedCommit(*who, _with_epochs(request))
        return request


def say_member_names() -> None:
    """From now on every consumer of this process that has a name says it. Can be called again."""
    theirs: Any = consumer
    theirs.GroupCoordinator = NamedCoordinator


def _with_epochs(request: Any) -> list[tuple[str, list[tuple[int, int, int, str]]]]:
    return [
        (topic, [(partition, offset, _NO_EPOCH, mark) for partition, offset, mark in commits])
        for topic, commits in request._topics  # noqa: SLF001  # it has no other place for them
    ]


def _errors_of(response: Any) -> Iterator[int]:
    """The error of the whole answer, or those of its partitions."""
    if response.API_KEY == OffsetCommitResponse.API_KEY:
        yield from (error for _, partitions in response.topics for _, error in partitions)
    else:
        yield getattr(response, "error_code", 0)
