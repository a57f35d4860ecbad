"""The ledger: its rules, and what the database keeps of them."""
