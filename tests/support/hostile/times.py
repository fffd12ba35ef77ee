"""Times that Postgres stores and Python has no datetime for."""

from typing import Final

UNUSABLE_TIMES: Final = ("infinity", "-infinity", "20000-01-01", "0044-03-15 BC")
