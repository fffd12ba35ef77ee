"""Record keys."""

from .messages import Observation


def observation_key(observation: Observation) -> bytes:
    """The SportRadar id when there is one, else `platform:event id`: the three books of a match meet."""
    event = observation.event
    return (event.sportradar_id or f"{observation.platform}:{event.id}").encode()
