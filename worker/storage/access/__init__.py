"""Access to the database: groups and rights, the schema, who holds a lock, what a session keeps."""
