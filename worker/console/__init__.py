"""The console: pages on which people decide about missed markets and mappings.

It holds no logic of its own about mappings: each page reads through `storage/`, each decision is an operation
of `operations/`, the same that the commands call. So both refuse the same, and write the same audit.
"""
