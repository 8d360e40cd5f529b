"""Adapters that keep things: catalog (SQLite), vectors (Chroma), keywords (tantivy), sessions."""
