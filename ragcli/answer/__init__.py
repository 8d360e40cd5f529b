"""rewrite -> compress -> prompt -> stream -> verify, one file a step."""
