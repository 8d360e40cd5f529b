"""Stream -> screen: consoles, Markdown blocks, sources, progress."""
