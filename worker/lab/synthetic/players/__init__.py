"""Markets of players: the squads of an event, and the form in which each bookmaker sells its players."""
