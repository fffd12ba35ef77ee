"""What a change of mappings would do to observations that Kafka still holds."""
