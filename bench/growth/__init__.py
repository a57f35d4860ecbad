"""What a payment, a lookup and the operations page cost beside years of payments, against an empty database."""
