"""Whether the tests can fail: each mutant is the tree with one thing changed, and some test must notice."""
