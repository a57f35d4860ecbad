"""HTTP's thin shells: the front, the doors' bounds, and the document that describes them."""
