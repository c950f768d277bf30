"""One frozen dataclass per protocol: everything in which they differ, as data.

`python -m microexp_keras.protocols upstream loso` prints protocols side by side.
"""

import argparse
import itertools
import sys
import textwrap
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

from microexp_keras import datasets, splits
from microexp_keras.commands import command
from microexp_keras.errors import MicroExpError

INPUTS = {"stcnn": ("face",), "intermediate": ("eyes", "mouth"), "late": ("eyes", "mouth")}
"""For each network the names of its inputs: what is cut out of a frame."""


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How a network is trained and scored on a database.

    Attributes
    ----------
    name, model, dataset : str
        `"upstream"`, `"stcnn"`, `"smic"`: the key under which `get` finds it.
    frames : int
        Frames read of each clip, from its first.
    size : int
        Rows and columns of a frame, or of a region, after resizing, in pixels.
    swapped_colours : bool
        Whether frames are taken as red, green, blue where the conversion to gray expects blue, green, red, so that
        the weights of red and blue are exchanged.
    landmark_faults : str
        What happens to a frame in which the detector finds no face, or several, or a region beyond the border:
        `"stop"` with an error that names it, or `"neighbours"`: take the points of the frames before and after it,
        and say so in the report.
    last_class_copies : int
        How often each clip of the last class stands in the arrays.
    labels_by_position : bool
        Whether labels are written by position from the numbers of clips in the class folders, the rest staying class
        0, instead of clip by clip. It makes a difference only where clips stand in the arrays more than once.
    eyes_trained_on : str
        Region that the input `eyes` sees in training; scored is always with the eyes.
    standardized_by : str
        Clips whose mean and maximum standardise all others too: `"all"`, or `"train"`, those that a fold trains on.
    split : callable
        `(labels, subjects) -> list[Fold]`, a function of `microexp_keras.splits`. Scores are pooled over the folds.
    unseen_subjects : bool
        Whether it promises that nothing of a scored subject trains or chooses the epoch; see `splits.folds`.
    kernel_size : (int, int, int)
        Of the convolutions: rows, columns, time.
    batch_size, epochs : int
        Clips per step, passes over the training clips.
    learning_rate, momentum : float
        Of stochastic gradient descent.
    conv_initializer : str
        Initial values of the convolution kernels, see `models.build_microexp_stcnn`.
    probability_floor : float
        Probabilities below it count as this value in the loss and have no gradient, see `training.Crossentropy`.
    source : str
        Where these settings come from.
    """

    name: str
    model: str
    dataset: str
    frames: int
    size: int
    swapped_colours: bool = False
    landmark_faults: str = "neighbours"
    last_class_copies: int = 1
    labels_by_position: bool = False
    eyes_trained_on: str = "eyes"
    standardized_by: str = "all"
    split: Callable = splits.random_fifth
    unseen_subjects: bool = False
    kernel_size: tuple = (3, 3, 15)
    batch_size: int
    epochs: int
    learning_rate: float = 0.01  # what 'SGD' means in Keras 2.0.0
    momentum: float = 0.0
    conv_initializer: str = "keras2_glorot_uniform"
    probability_floor: float = 1e-7  # keras/backend/common.py of Keras 2.0.0
    source: str

    @property
    def inputs(self):
        """Names of the network's inputs."""
        return INPUTS[self.model]

    def training_inputs(self, inputs):
        """Give for each input of the network the array that it is trained on, of a dict of those it is scored on."""
        return {name: inputs[self.eyes_trained_on if name == "eyes" else name] for name in inputs}


_UPSTREAM = [
    Protocol(
        name="upstream",
        model="stcnn",
        dataset="smic",
        frames=18,  # SMIC/MicroExpSTCNN.py:18
        size=64,
        labels_by_position=True,  # SMIC/MicroExpSTCNN.py:78-80
        batch_size=16,  # SMIC/MicroExpSTCNN.py:142
        epochs=100,
        source="SMIC/MicroExpSTCNN.py",
    ),
    Protocol(
        name="upstream",
        model="intermediate",
        dataset="smic",
        frames=18,  # SMIC/Intermediate_MicroFuseNet.py:61
        size=32,  # SMIC/Intermediate_MicroFuseNet.py:68
        landmark_faults="stop",
        last_class_copies=2,  # SMIC/Intermediate_MicroFuseNet.py:133-136
        labels_by_position=True,  # SMIC/Intermediate_MicroFuseNet.py:147-149
        eyes_trained_on="mouth",  # SMIC/Intermediate_MicroFuseNet.py:231
        split=splits.last_fifth_scored_on_all,
        batch_size=4,  # SMIC/Intermediate_MicroFuseNet.py:240
        epochs=250,
        source="SMIC/Intermediate_MicroFuseNet.py",
    ),
    Protocol(
        name="upstream",
        model="late",
        dataset="smic",
        frames=18,  # SMIC/Late_MicroFuseNet.py:61
        size=32,  # SMIC/Late_MicroFuseNet.py:68
        landmark_faults="stop",
        last_class_copies=2,  # SMIC/Late_MicroFuseNet.py:133-136
        labels_by_position=True,  # SMIC/Late_MicroFuseNet.py:147-149
        split=splits.last_fifth_scored_on_all,
        batch_size=16,  # SMIC/Late_MicroFuseNet.py:246
        epochs=250,
        source="SMIC/Late_MicroFuseNet.py",
    ),
    Protocol(
        name="upstream",
        model="stcnn",
        dataset="casme2",
        frames=96,  # CASME-SQUARE/MicroExpSTCNN.py:21
        size=64,
        swapped_colours=True,  # CASME-SQUARE/MicroExpSTCNN.py:37: imageio's frames are red, green, blue
        labels_by_position=True,  # CASME-SQUARE/MicroExpSTCNN.py:78-80
        batch_size=16,  # CASME-SQUARE/MicroExpSTCNN.py:143
        epochs=100,
        source="CASME-SQUARE/MicroExpSTCNN.py",
    ),
    *(
        Protocol(
            name="upstream",
            model=model,
            dataset="casme2",
            frames=96,  # line 71 of both programs
            size=32,  # :77
            swapped_colours=True,  # :78
            landmark_faults="stop",
            labels_by_position=True,  # :154-156
            split=splits.last_fifth_scored_on_all,
            batch_size=16,  # Intermediate :248, Late :253
            epochs=100,
            source=f"CASME-SQUARE/{model.capitalize()}_MicroExpFuseNet.py",
        )
        for model in ("intermediate", "late")
    ),
]

_PAPER = [
    Protocol(
        name="paper",
        model=model,
        dataset=dataset,
        frames=frames,
        size=64 if model == "stcnn" else 32,  # Tables I and II
        batch_size=8,
        epochs=100,
        source="Reddy et al. 2019, section IV (batch 8, 100 epochs, 20 % held out)",
    )
    for dataset, frames in (("smic", 18), ("casme2", 96))
    for model in INPUTS
]

# What makes the fused networks learn at SMIC's 18 frames, found by benchmarks/fusenet_learning.py on synthetic clips:
# initial values as Glorot's rule gives them. The lower floor lets a network that saturates all the same go on. At 96
# frames (CAS(ME)^2) this was not enough: the Late network diverged all the same.
_GLOROT = [
    replace(
        paper,
        name="glorot",
        batch_size=16,
        conv_initializer="glorot_uniform",
        probability_floor=1e-30,
        source="this package: paper's settings, batch 16, initial values by Glorot's rule in full, loss floor 1e-30",
    )
    for paper in _PAPER
    if paper.model != "stcnn" and paper.dataset == "smic"
]

# The same settings under rules that measure what a reader takes the accuracy for: how it goes with people never seen.
_LOSO = [
    replace(
        row,
        name=name,
        split=splits.leave_one_subject_out,
        unseen_subjects=True,
        standardized_by="train",
        source=f"this package: {row.name}'s settings, one subject left out at a time (MEGC 2019)",
    )
    for name, rows in (("loso", _PAPER), ("loso-glorot", _GLOROT))
    for row in rows
]

_ALL = [*_UPSTREAM, *_PAPER, *_GLOROT, *_LOSO]

ABOUT = {
    "upstream": "the original's six programs, every quirk of theirs included",
    "paper": "what the paper's text says",
    "glorot": "paper with what makes the fused networks learn",
    "loso": "paper's settings, but scored on people that the network has never seen: leave one subject out",
    "loso-glorot": "glorot's settings, leave one subject out",
}

NAMES = tuple(ABOUT)


def names(model, dataset):
    """Return the names of the protocols that there are for a network on a database."""
    return tuple(one.name for one in _ALL if (one.model, one.dataset) == (model, dataset))


def get(name, model="stcnn", dataset="smic"):
    """Return the protocol of that name for a network on a database.

    Raises
    ------
    MicroExpError
        If there is none; the message lists those that there are.
    """
    for protocol in _ALL:
        if (protocol.name, protocol.model, protocol.dataset) == (name, model, dataset):
            return protocol
    alike = [f"{name} for {protocol.model} on {protocol.dataset}" for protocol in _ALL if protocol.name == name]
    known = "; ".join(alike or NAMES)
    raise MicroExpError(f"protocol: expected one of [{known}], received {name} for {model} on {dataset}.")


def side_by_side(chosen, everything=False):
    """Lay protocols beside each other, as rows of text cells: the first row and the first column are headings.

    Parameters
    ----------
    chosen : list of Protocol
    everything : bool
        Give all settings, not only those in which the protocols differ.
    """
    columns = [{name: _text(value) for name, value in asdict(one).items()} for one in chosen]
    key, *settings = [[name, *[column[name] for column in columns]] for name in columns[0]]
    differing = [row for row in settings if everything or len(set(row[1:])) > 1]
    return [["", *key[1:]], *differing]


def as_markdown(rows):
    """Turn rows of text cells into a Markdown table, the first row being its head."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def _text(value):
    """What a person reads of a setting."""
    if callable(value):
        return value.__name__
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def parser():
    """Build the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m microexp_keras.protocols",
        description="Print protocols side by side: the settings in which they differ. Without a name, list all.",
    )
    parser.add_argument(
        "protocols", nargs="*", metavar="NAME", help="such as upstream, or upstream/late/casme2: NAME/MODEL/DATASET"
    )
    parser.add_argument("--model", choices=INPUTS, default="stcnn", help="where NAME says none (default: stcnn)")
    parser.add_argument(
        "--dataset", choices=datasets.CLASS_NAMES, default="smic", help="where NAME says none (default: smic)"
    )
    parser.add_argument("--all", action="store_true", help="print what is the same in all of them too")
    parser.add_argument("--markdown", action="store_true", help="as a Markdown table")
    return parser


@command
def main(argv=None):
    """Print protocols side by side."""
    args = parser().parse_args(argv)
    if args.protocols:
        parts = [name.split("/", 2) for name in args.protocols]
        chosen = [get(*part, *[args.model, args.dataset][len(part) - 1 :]) for part in parts]
        rows = side_by_side(chosen, args.all or len(chosen) == 1)
    else:
        rows = [["protocol", "networks and databases", "what it is"]]
        for name, what in ABOUT.items():
            of_name = [f"{protocol.model}/{protocol.dataset}" for protocol in _ALL if protocol.name == name]
            rows.append([name, ", ".join(of_name), what])
    print(as_markdown(rows) if args.markdown else _as_text(rows))


def _as_text(rows):
    """Columns for a terminal, long cells in several lines."""
    cells = [[textwrap.wrap(cell, 38) or [""] for cell in row] for row in rows]
    widths = [max(len(line) for cell in column for line in cell) for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        for parts in itertools.zip_longest(*row, fillvalue=""):
            lines.append("  ".join(part.ljust(width) for part, width in zip(parts, widths, strict=True)).rstrip())
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
