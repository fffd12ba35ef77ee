"""Evidence from odds: what the prices of an event say about what a label means. Needs the extra `insight`.

All of it is pure, but for the process in ``watching``.

``boards`` reads an observation into prices by label. ``margin`` turns the odds of a book into chances.
``grid`` evaluates meanings on every score, ``goal_model`` fits the chance of each score to the prices of one
book, so that any goal market has a price there. ``distances`` compares.
"""

import os

# Matrices here are small: threads of OpenBLAS wait for each other, and take five times the CPU of one.
# OpenBLAS reads this when numpy is imported, which nothing but this package does.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
