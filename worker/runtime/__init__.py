"""What stays up: the worker and the relay.

- `worker`: the composition root of a worker. `lifecycle`: its start and stop. `readiness`: whether it can
  work. `reports`: what its parts report.
- `process`: what every long-running process needs. `relay/process`: a relay as a process of its own.
- `counting`, `coordinates`, `announcer`: between the handling of batches and the database.
- `index/`: the mapping index of a running worker. `relay/`: changes of mappings, published.
- `liveness/`: whether the work moves. `telemetry/`: metrics, logs, traces, endpoints, the status page.
"""
