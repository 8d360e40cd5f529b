"""`python -m ragcli` and the `ragcli` script."""

import atexit
import os
import sys
from contextlib import suppress


def main() -> None:
    try:
        from ragcli.cli.main import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # while all of this was being loaded
        code = 130
    # Taking the interpreter down costs 0.15 s after the last word of an answer, and everything is closed by now.
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # the reader is gone
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
