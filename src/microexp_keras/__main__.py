"""`microexp-keras COMMAND ...`, which is the same as `python -m microexp_keras.COMMAND ...`."""

import importlib
import importlib.util
import sys
from collections.abc import Sequence

from microexp_keras import __version__

COMMANDS = {
    "check": "say what is in a data folder, and what is wrong with it",
    "train": "train a network on a copy of a database, or on synthetic clips",
    "evaluate": "score saved weights on clips or on the original's validation arrays",
    "predict": "say what a network sees in a video, a folder of frames or a camera",
    "protocols": "print protocols side by side: how each trains and scores",
    "reproduce": "rerun the paper's tables on a copy of a database",
    "audit": "recompute what the published numbers can be; needs no data",
    "inspect": "say which network a .h5 file holds, and for which clips",
    "datasets": "write synthetic clips, or a database as a table",
    "landmarks": "find the points of faces in clips, and draw them",
}

SHORT = {"check": ["datasets", "check"], "inspect": ["weights", "inspect"]}  #: Commands that are one of another's.


def main(argv: Sequence[str] | None = None) -> int:
    """Hand the arguments to the command that the first of them names."""
    argv = sys.argv[1:] if argv is None else list(argv)
    if argv and argv[0] in SHORT:
        argv = [*SHORT[argv[0]], *argv[1:]]
    if argv and argv[0] in (*COMMANDS, "weights"):
        module = f"microexp_keras.{argv[0]}"
        room = importlib.util.find_spec(module)
        if room and room.submodule_search_locations:  # a package: its command is in __main__
            module += ".__main__"
        return importlib.import_module(module).main(argv[1:])
    if argv == ["--version"]:
        print(f"microexp-keras {__version__}")
        return 0
    lines = [f"  {name:<10} {what}" for name, what in COMMANDS.items()]
    usage = "\n".join(["usage: microexp-keras COMMAND ...", "", *lines, "", "microexp-keras COMMAND --help says more."])
    if argv and argv[0] in ("-h", "--help"):
        print(usage)
        return 0
    if argv:
        print(f"error: no command {argv[0]!r}", file=sys.stderr)
    print(usage, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
