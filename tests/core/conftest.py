"""The shop for all tests of core."""

from tests.support.shop import shop

__all__ = ["shop"]
