"""The khallas command's verbs, one file each; channels/cli.py only parses and prints."""
