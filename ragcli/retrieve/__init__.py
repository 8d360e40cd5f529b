"""question -> retrieve -> fuse -> rerank, one file a step."""
