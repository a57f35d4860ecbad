"""Customers' phones in the terminal: USSD, SMS and voice, for whoever wants to try or script a server.

Rules of this room: a phone speaks the same wires as the gateways do and knows nothing else of the server; what stands
in for the world (lab) is imported when a phone is used, never at import; secret keys are shown masked; stdin that is
no terminal is a script, one line per input.
"""

from khallas.cli.terminal.commands import add_commands

__all__ = ["add_commands"]
