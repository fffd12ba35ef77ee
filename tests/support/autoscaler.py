"""Kubernetes' horizontal autoscaler as it reads the behavior of a ScaledObject, on a lag that is simulated.

The algorithm is that of autoscaling/v2: every 15 s the number that the lag asks for is noted; upwards the
lowest number of the stabilization window counts, downwards the highest; the policies bound the steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

_SYNC_S: Final = 15
_TOLERANCE: Final = 0.1
# What Kubernetes takes where the object says nothing.
_DEFAULTS: Final[Mapping[str, Any]] = {
    "scaleUp": {
        "stabilizationWindowSeconds": 0,
        "policies": [
            {"type": "Pods", "value": 4, "periodSeconds": 15},
            {"type": "Percent", "value": 100, "periodSeconds": 15},
        ],
    },
    "scaleDown": {
        "stabilizationWindowSeconds": 300,
        "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
    },
}


class Change(NamedTuple):
    """A new number of replicas, from a moment on."""

    at_s: int
    replicas: int


class Autoscaler:
    def __init__(self, scaled: Mapping[str, Any]) -> None:
        spec = scaled["spec"]
        given = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
        self._up = _DEFAULTS["scaleUp"] | given.get("scaleUp", {})
        self._down = _DEFAULTS["scaleDown"] | given.get("scaleDown", {})
        self._bounds: tuple[int, int] = (spec["minReplicaCount"], spec["maxReplicaCount"])
        self._threshold = int(spec["triggers"][0]["metadata"]["lagThreshold"])
        self.replicas: int = spec["minReplicaCount"]
        self._asked = [Change(0, self.replicas)]
        self.changes: list[Change] = [Change(-(10**6), self.replicas)]

    def sync(self, now_s: int, lags: Sequence[float]) -> None:
        """``lags`` are those of the topics: each asks for a number, and the highest counts."""
        self._asked.append(Change(now_s, max(self._wanted(lag) for lag in lags)))
        up = min(self._asked_within(now_s, self._up["stabilizationWindowSeconds"]))
        down = max(self._asked_within(now_s, self._down["stabilizationWindowSeconds"]))
        if self.replicas < up:
            self._set(now_s, min(up, max(self._limits(now_s, self._up, 1))))
        elif self.replicas > down:
            self._set(now_s, max(down, min(self._limits(now_s, self._down, -1))))

    def _wanted(self, lag: float) -> int:
        least, most = self._bounds
        wanted = math.ceil(lag / self._threshold)
        if abs(lag / (self._threshold * self.replicas) - 1) <= _TOLERANCE:
            return self.replicas
        return min(most, max(least, wanted))

    def _asked_within(self, now_s: int, window_s: int) -> list[int]:
        return [each.replicas for each in self._asked if each.at_s >= now_s - window_s]

    def _limits(self, now_s: int, rules: Mapping[str, Any], sign: int) -> list[int]:
        limits = []
        for policy in rules["policies"]:
            before = self._replicas_at(now_s - policy["periodSeconds"])
            by_share = policy["type"] == "Percent"
            step = before * policy["value"] / 100 if by_share else policy["value"]
            limits.append(math.ceil(before + sign * step))
        return limits

    def _replicas_at(self, at_s: int) -> int:
        return [change.replicas for change in self.changes if change.at_s <= at_s][-1]

    def _set(self, now_s: int, replicas: int) -> None:
        if replicas != self.replicas:
            self.replicas = replicas
            self.changes.append(Change(now_s, replicas))


def changes_under(
    scaled: Mapping[str, Any],
    arriving: Callable[[int], float],
    *,
    worker_rate: float,
    topics: int,
    seconds: int,
) -> Sequence[Change]:
    """Every change of the number while so many records arrive in each topic, second by second.

    ``worker_rate`` is how many records a worker takes in a second.
    """
    scaler, lag = Autoscaler(scaled), 0.0
    for now_s in range(seconds):
        lag = max(0.0, lag + arriving(now_s) - scaler.replicas * worker_rate / topics)
        if now_s % _SYNC_S == 0:
            scaler.sync(now_s, [lag] * topics)
    return scaler.changes[1:]
