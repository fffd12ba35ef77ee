"""How many examples a law is tried on. A slow shared machine is no fault of the code: no deadline."""

from hypothesis import HealthCheck, settings

LAWS = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
# Laws over whole feeds draw large examples.
FEED_LAWS = settings(LAWS, max_examples=50)
