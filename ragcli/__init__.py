"""Talk to a folder of documents from the terminal.

document -> extract -> chunk -> embed -> index
question -> rewrite -> retrieve -> fuse -> rerank -> compress -> prompt -> stream -> verify -> render
"""

__version__ = "0.1.0"
