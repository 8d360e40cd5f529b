"""`python -m ragcli` and the `ragcli` script."""

import sys


def main() -> None:
    from ragcli.cli.main import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
