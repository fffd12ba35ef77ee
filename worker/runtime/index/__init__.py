"""The mapping index of a running worker.

- `live`: the index in use, and how it is swapped.
- `following`: keeps the index at the table.
- `covering`: which missed markets the mappings cover now.
"""
