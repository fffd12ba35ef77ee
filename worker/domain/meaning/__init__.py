"""What a canonical market means: predicates over the facts of a match, and what follows from them. Pure."""
