"""Evidence from odds: what the prices of an event say about what a label means. Needs the extra `insight`.

All of it is pure, but for the process in ``watching``.

``boards`` reads an observation into prices by label. ``margin`` turns the odds of a book into chances.
``grid`` evaluates meanings on every score, ``goal_model`` fits the chance of each score to the prices of one
book, so that any goal market has a price there. ``distances`` compares.
"""
