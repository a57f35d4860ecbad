"""The double-entry ledger beside the payment table. Pure: what SQL keeps of it is in core/database/ledger/transfers.py.

`accounts` names where money can lie, `places` says where each bill of a payment lies by its state, `following` turns a
change of place into transfers, `transfers` builds those that no payment's event makes: settlement, chargebacks.
"""
