"""What is told of the running server: logs, metrics, traces, tallies. Nothing here changes what happens."""
