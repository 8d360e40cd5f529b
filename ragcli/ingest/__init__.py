"""document -> extract -> chunk -> embed -> index, one file a step."""
