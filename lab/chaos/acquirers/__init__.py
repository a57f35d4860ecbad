"""The account that moves from one acquirer to another."""
