"""The khallas command's verbs, one file each; khallas/cli/main.py only parses and prints."""
