"""Synthetic clips in the trees and numbers of the databases, so that everything runs without one."""

from pathlib import Path

from microexp_keras.datasets.clips import SYNTHETIC_MARK
from microexp_keras.datasets.database import CASME2, CASMEII, SAMM, SMIC
from microexp_keras.errors import MicroExpError


def synthesize(dataset: str, root: str | Path, seed: int = 0, layout: str = "flat") -> Path:
    """Write synthetic clips in a tree and the numbers of a database.

    Parameters
    ----------
    dataset : str
        `"smic"`, `"casme2"`, `"casmeii"` or `"samm"`; of the last two 32 clips of eight subjects.
    root : str or Path
        A folder that does not exist yet.
    seed : int
        The same seed gives the same clips.
    layout : str
        Of CAS(ME)^2: `"flat"`, one video for each clip as the original programs want them, or `"rawvideo"`, long
        recordings with a workbook as distributed. The others are always written in the distributed tree.

    Returns
    -------
    Path
        `root`.

    Raises
    ------
    MicroExpError
        If there are no synthetic clips of that database, or as `write_smic`, `write_casme2` and `write_coded`.
    """
    if dataset == SMIC.name:
        from microexp_keras.datasets.synthetic.smic import write_smic

        return write_smic(root, seed)
    if dataset == CASME2.name:
        from microexp_keras.datasets.synthetic.casme2 import write_casme2

        return write_casme2(root, seed, layout)
    if dataset in (CASMEII.name, SAMM.name):
        from microexp_keras.datasets.synthetic.coded import write_coded

        return write_coded(dataset, root, seed)
    known = ", ".join(database.name for database in (SMIC, CASME2, CASMEII, SAMM))
    raise MicroExpError("dataset", f"one of {known}", repr(dataset))


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
