"""Keep manifest.json: take in the best weights of a run on synthetic clips, and check files against what it says.

    python weights/manifest.py verify [FOLDER]
    python weights/manifest.py add RUN FILE

`add` copies the chosen weights of the run folder RUN to FILE and describes them, from the run's own records, in the
manifest.json beside FILE. `verify` looks at every file that the manifest of FOLDER (default: this one) gives a SHA-256.
"""

import argparse
import hashlib
import json
import shutil
import sys
from pathlib import Path

from microexp_keras import runs, weights
from microexp_keras.atomic import replacing, write_json
from microexp_keras.console import command
from microexp_keras.errors import MicroExpError
from microexp_keras.models.networks import NETWORKS

HERE = Path(__file__).resolve().parent
LARGEST = 10_000_000  # bytes of a file in git
SCORES = ("accuracy", "correct", "clips", "accuracy_interval", "majority_class", "majority_rate", "uar", "uf1")
SCORES += ("confusion", "chosen_on_scored", "ten_epochs")


def read(folder):
    """Return the entries of a folder's manifest.json, a list of dict; none if there is no such file.

    Raises
    ------
    MicroExpError
        If it is not such a list.
    """
    path = Path(folder) / "manifest.json"
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        for entry in entries:
            entry["file"], entry["sha256"]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise MicroExpError(
            f"{path}: expected a list of files with their sha256, found something else ({error!r}). Take it from the "
            "repository again, or remove it."
        ) from error
    return entries


def add(run, file):
    """Copy the weights that a run chose to `file` and enter them in the manifest.json beside it.

    Parameters
    ----------
    run : str or Path
        Folder of a finished run of one fold on synthetic clips.
    file : str or Path
        Ends in ".weights.h5".

    Returns
    -------
    dict
        The entry.

    Raises
    ------
    MicroExpError
        If the run is unfinished, has several folds or saw other clips than synthetic ones, or if the file is too large
        to ship and `file` is in this folder.
    """
    run, file = Path(run), Path(file)
    _, config = runs.read_config(run)
    if not config["data"]["synthetic"]:
        raise MicroExpError(
            f"{run}: expected a run on synthetic clips, found one on others. Weights made from a database may be no "
            "more passed on than the database: leave them where they are."
        )
    try:
        scores = json.loads((run / "scores.json").read_text(encoding="utf-8"))
        (fold,) = scores["folds"]
        chosen = run / fold["weights"]
        size = chosen.stat().st_size
        known = {name: scores[name] for name in SCORES}
    except (OSError, ValueError, KeyError) as error:
        raise MicroExpError(
            f"{run}: expected the folder of a finished run of one fold, found another ({error!r}). Finish it with "
            "--resume, or take another protocol."
        ) from error
    shipped = file.resolve().parent == HERE
    if shipped and size > LARGEST:
        raise MicroExpError(
            f"{file}: expected at most {LARGEST:,} bytes of a file in git, found {size:,}. Put it into "
            f"{HERE.name}/local, which git ignores."
        )
    found = weights.inspect(chosen)
    file.parent.mkdir(parents=True, exist_ok=True)
    with replacing(file, size) as temporary:
        shutil.copyfile(chosen, temporary)
    entry = {
        "file": file.name,
        "shipped": shipped,
        "sha256": _sha256(file),
        "bytes": size,
        **_facts(found),
        "scores": known,
        "notes": scores["notes"],
        "commands": [one["command"] for one in (config, *config["resumed"])],
        "commit": config["commit"],
        "versions": config["versions"],
        "devices": fold["devices"],
        "data": {name: value for name, value in config["data"].items() if name != "names"},
        "licence": "MIT, as the code. The clips are made from a NASA portrait in the public domain.",
    }
    others = [one for one in read(file.parent) if one["file"] != file.name]
    write_json(file.parent / "manifest.json", [entry, *others])
    return entry


def verify(folder=HERE):
    """Compare the files in a folder with what its manifest.json says of them.

    Returns
    -------
    list of str
        A line for each entry.

    Raises
    ------
    MicroExpError
        At the first file that is missing, has another SHA-256, or calls itself something else.
    """
    folder = Path(folder)
    entries = read(folder)
    if not entries:
        raise MicroExpError(f"{folder}: expected a folder with a manifest.json that names files, found none.")
    return [_checked(folder / entry["file"], entry) for entry in entries]


def _checked(path, entry):
    if entry["sha256"] is None:
        return f"{entry['file']}: not checked: {entry['sha256_unknown']}"
    again = f"Get it again: git checkout {path}" if entry["shipped"] else f"Remove it, then: make {path}"
    if not path.is_file():
        raise MicroExpError(f"{path}: expected the file that manifest.json names, found none. {again}")
    digest = _sha256(path)
    if digest != entry["sha256"]:
        raise MicroExpError(f"{path}: expected SHA-256 {entry['sha256']}, found {digest}. {again}")
    facts = _facts(weights.inspect(path))
    wrong = [f"{name} {entry[name]}, found {value}" for name, value in facts.items() if entry[name] != value]
    if wrong:
        raise MicroExpError(f"{path}: expected as in manifest.json {'; '.join(wrong)}. Mend the manifest.")
    scores = entry["scores"]
    return (
        f"{entry['file']}: as described: {NETWORKS[entry['network']].title}, synthetic {entry['dataset']}, protocol "
        f"{entry['protocol']}, seed {entry['seed']}, {scores['correct']}/{scores['clips']}"
    )


def _facts(file):
    """What a weights file says of itself that its entry says too."""
    of_training = {name: file.metadata.get(name) for name in ("dataset", "synthetic", "protocol", "seed", "epoch")}
    return {"network": file.network, "parameters": file.parameters, **of_training}


def _sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@command
def main(argv=None):
    """Add a file, or verify those that are there."""
    parser = argparse.ArgumentParser(description="Keep manifest.json and the weights that it describes.")
    commands = parser.add_subparsers(dest="command", required=True)
    verifying = commands.add_parser("verify", help="compare files with what manifest.json says of them")
    verifying.add_argument("folder", nargs="?", type=Path, default=HERE, help="default: the folder of this program")
    adding = commands.add_parser("add", help="take in the weights that a run on synthetic clips chose")
    adding.add_argument("run", type=Path, help="folder of the run")
    adding.add_argument("file", type=Path, help="what to call the weights: FOLDER/NAME.weights.h5")
    args = parser.parse_args(argv)
    if args.command == "add":
        entry = add(args.run, args.file)
        print(f"{args.file}: {entry['bytes']:,} bytes, SHA-256 {entry['sha256']}")
    else:
        print("\n".join(verify(args.folder)))


if __name__ == "__main__":
    sys.exit(main())
