"""The demo's phone in the browser: a handset, its mailbox and the wire. Rule: it reaches Khallas as gateways do, never
from inside, and a card's digits are masked before they are kept or shown.
"""
