"""What tests of several folders share: one bank, one till, one world, and what they look for and wait for.

Clocks stand in lab/clocks.py, for chaos moves them too; servers in lab/servers; the shared ones in tests/conftest.py.
"""
