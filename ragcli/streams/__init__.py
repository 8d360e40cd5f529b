"""Operators and decorators for async generators: what the language gives half-way."""
