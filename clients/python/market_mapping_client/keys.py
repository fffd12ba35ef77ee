"""Record keys."""

from .messages import Observation


def observation_key(observation: Observation) -> bytes:
    """Return the SportRadar id, the same at all bookmakers; without one, `platform:event id`."""
    event = observation.event
    return (event.sportradar_id or f"{observation.platform}:{event.id}").encode()
