"""SMPP 3.4 as an ESME: what SMS and USSD share below their doors. Knows nothing of either.

Pure: pdu, message, coding, parts, receipts, statuses, account. Redis: reassembly. Sockets: session, link.
"""
