"""The editor's form: what a mapping shows in it, and the mapping that is read from it. Pure."""
