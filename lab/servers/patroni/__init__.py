"""Three PostgreSQL nodes under Patroni on this machine, as an operator would run them: to lose primaries on purpose."""
