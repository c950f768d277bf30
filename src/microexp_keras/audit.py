"""Recompute what the published numbers can be, without any data: `python -m microexp_keras.audit`."""

import sys
from collections.abc import Sequence

from microexp_keras.console import Parser, command, command_line
from microexp_keras.paper.claims import as_text, audit


def parser() -> Parser:
    """Build the command line."""
    return command_line("audit", {})


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Print the audit: a summary, then each claim with its arithmetic."""
    parser().parse_args(argv)
    print(as_text(audit()))


if __name__ == "__main__":
    sys.exit(main())
