"""Verbs about those who charge cards: their states, and what they dispute."""
