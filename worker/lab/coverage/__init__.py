"""How much of what bookmakers sell the catalogue resolves, and whether their prices agree on it."""
