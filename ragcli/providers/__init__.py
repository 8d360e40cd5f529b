"""Adapters that call models: OpenAI-compatible endpoints, the static embedder, extracts."""
