"""Changes of mappings, published to a topic.

- `publishing`: the relay: audit rows to records, in order.
- `mapping_changed`: one audit row to one record.
- `metrics`: what a relay reports. `process`: a relay as a process of its own.
"""
