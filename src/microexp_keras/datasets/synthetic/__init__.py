"""Synthetic clips in the trees and numbers of the databases, so that everything runs without one."""

from pathlib import Path

from microexp_keras.datasets.clips import SYNTHETIC_MARK
from microexp_keras.datasets.database import CASME2, SMIC
from microexp_keras.errors import MicroExpError


def synthesize(dataset: str, root: str | Path, seed: int = 0, layout: str = "flat") -> Path:
    """Write synthetic clips in a tree and the numbers of a database.

    Parameters
    ----------
    dataset : str
        `"smic"` or `"casme2"`.
    root : str or Path
        A folder that does not exist yet.
    seed : int
        The same seed gives the same clips.
    layout : str
        Of CAS(ME)^2: `"flat"`, one video for each clip as the original programs want them, or `"rawvideo"`, long
        recordings with a workbook as distributed. SMIC is always written in the distributed tree.

    Returns
    -------
    Path
        `root`.

    Raises
    ------
    MicroExpError
        If there are no synthetic clips of that database, or as `write_smic` and `write_casme2`.
    """
    if dataset == SMIC.name:
        from microexp_keras.datasets.synthetic.smic import write_smic

        return write_smic(root, seed)
    if dataset == CASME2.name:
        from microexp_keras.datasets.synthetic.casme2 import write_casme2

        return write_casme2(root, seed, layout)
    raise MicroExpError("dataset", f"one of {SMIC.name}, {CASME2.name}", repr(dataset))


def synthetic_folder(dataset: str) -> Path:
    """Return where the commands keep synthetic clips, `data/synthetic-DATASET` here; they are written if missing."""
    folder = Path("data") / f"synthetic-{dataset}"
    if not folder.exists():
        try:
            synthesize(dataset, folder)
        except MicroExpError:
            if not (folder / SYNTHETIC_MARK).is_file():  # else another process was faster
                raise
    return folder.resolve()
