"""Basketball and tennis: their own models of a match, and what the bookmakers sell of it."""
