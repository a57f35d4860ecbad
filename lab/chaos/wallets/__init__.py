"""Attempts to be paid by a wallet that lies in every way, on a real database and a clock that moves when told."""
