"""How the time of a computation grows with its size: CPU time of one, and of one four times as large."""

from typing import Final

TIMES_LARGER: Final = 4
# A quarter of the way from the first power to the second, as exponents: noise stays below, squares above.
MOST_TIMES: Final = 9.0
