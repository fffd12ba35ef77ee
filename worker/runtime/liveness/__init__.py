"""Whether the work moves, and what ends a process in which it does not.

- `outlook`: what should move at this moment. `watchdog`: judges it.
- `deadman`: ends a process whose event loop hangs. `stacks`: what everything is doing, for the log.
- `allocator`: how freed memory is kept.
"""
