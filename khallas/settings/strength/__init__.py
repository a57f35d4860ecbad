"""How strong a secret is, by one rule for every one of them: what production refuses and `config check` says. Pure.

`judge.py` weighs one value, `known.py` lists what pages and examples show, `found.py` finds every secret of the
settings and what each protects, `ways.py` looks at who is let in by address and at what goes over a network in clear.
"""
