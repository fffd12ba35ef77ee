"""Who may do what: groups, who else may create in the schema, who holds a lock."""
