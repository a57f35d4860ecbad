"""Whole paid bills, from the dial to the receipt."""
