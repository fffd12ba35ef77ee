"""What a process says of itself.

- `metric_list`, `log_events`: the complete lists. `metrics`, `logs`: how they are written.
- `health`, `bounded_http`: the endpoints. `status`, `totals`: the status page.
- `tracing`, `spans`: OpenTelemetry, if it is wanted.
"""
