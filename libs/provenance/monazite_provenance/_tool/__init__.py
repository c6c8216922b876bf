"""The offline tool: a module for each command, with `add_arguments` and `run`; only the one asked for is imported."""
