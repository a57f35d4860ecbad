"""Primaries of a Patroni cluster lost under load, and what customers and the books say of it."""
