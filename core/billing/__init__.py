"""Who owes what: the embedded billing (own tables) and adapters to other systems, behind ports.Billing."""
