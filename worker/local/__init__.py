"""Real Kafka and Postgres on this machine, without a container engine.

For development, the demo and the tests. Everything listens on 127.0.0.1 and lives in one folder.

- `LocalServices(folder)` starts, stops and describes the pair, from any process, since all state is on disk.
- `owned_services()` gives a pair in a temporary folder that ends with the process that asked for it.
- `find_addresses()` says where Kafka and Postgres are: the environment first, then the running local pair.
"""
