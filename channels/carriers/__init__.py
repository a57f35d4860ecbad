"""What speaks to the operator's and the clouds' gateways: calls, messages, signatures. No conversation lives here."""
