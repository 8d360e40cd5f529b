"""Fetches the weights of a model that fastembed knows; a program of its own, so that it can be ended at any time.

usage: fastembed_download.py REPOSITORY CLASS NAME FOLDER

Prints one line that says why where it fails. Imports nothing of ragcli.
"""

from __future__ import annotations

import sys

REACH_SECONDS = 10.0
"""For the first reply of the server: without a network fastembed itself would try again for most of a minute."""


def main(repository: str, class_: str, name: str, folder: str) -> int:
    """The exit code."""
    from loguru import logger

    logger.disable("fastembed")
    try:
        from fastembed import TextEmbedding
        from fastembed.rerank.cross_encoder import TextCrossEncoder
        from huggingface_hub import HfApi

        HfApi().model_info(repository, timeout=REACH_SECONDS)
        models = {"TextEmbedding": TextEmbedding, "TextCrossEncoder": TextCrossEncoder}
        models[class_](name, cache_dir=folder, lazy_load=True)
    except Exception as error:  # whatever it is, the other side shows it on one line
        words = " ".join(str(error).split()) or type(error).__name__
        sys.stdout.write(words[:300] + "\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
