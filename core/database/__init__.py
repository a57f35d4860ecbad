"""The repositories over PostgreSQL, their SQL written out. Only khallas/ names them."""
