"""What can be set.

- `settings`, `kafka_access`: every setting. `checks`: what its value has to look like.
- `loading`: settings from the environment. `connected`: settings whose addresses are known.
"""
