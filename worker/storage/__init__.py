"""All access to Postgres. A file `x.py` has the calls, the file `x_sql.py` next to it the statements.

- `engine`, `errors`, `listener`: connections, what a failed statement means, notifications.
- `ledger`: watermarks and misses, moved together. `misses`: the misses as a work queue.
- `mappings`, `editing`, `audit`: mappings, their changes, and the log of these.
- `lead`, `relay`: the one relay that publishes, and how far it is. `replays`: side replays.
- `tables`, `routines`, `migrate`: the schema. `access/`: who may do what, and who holds a lock.
- `inspection`: what `doctor` asks.
"""
