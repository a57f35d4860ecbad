"""`khallas doctor`: each dependency asked for real, nothing changed, and how to mend what fails.

A check returns what it found or raises CheckFailed; whatever else it raises is a trouble whose words are the error's
name, for a library's own words may quote a secret.
"""
