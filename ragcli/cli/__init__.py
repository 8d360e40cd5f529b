"""The command line: thin commands, errors turned into exit codes."""
