"""Payments that are over, in tables of a month beside the live ones."""
