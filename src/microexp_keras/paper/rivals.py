"""What the paper prints of the methods that it compares with, and what those values can be."""

from dataclasses import dataclass

from microexp_keras.datasets.database import DATABASES
from microexp_keras.models.networks import Method
from microexp_keras.paper.arithmetic import count_as_printed
from microexp_keras.paper.published import Published
from microexp_keras.text import slashed

REMARKS = {
    ("lbp-top", "smic"): "others cite the same source with 48.78 %, 80 of 164",
    ("stclqp", "smic"): "Guo et al. 2019 (ELBPTOP) say: leave one subject out, mean of the classes' recalls",
    ("3d-fcnn", "smic"): "Guo et al. 2019 (ELBPTOP) say: leave one subject out",
    ("cnn-augmentation", "casme2"): "its abstract names CASME and CASME II, which are other databases, and works on "
    "images",
}
"""What other sources than the paper say of a value."""


@dataclass(frozen=True)
class RivalValue:
    """A value that the paper prints of a rival.

    Attributes
    ----------
    percent : float or None
        None where the paper prints none.
    comparable : bool
        Whether it can be the share of a whole database's clips, so that ours may stand beside it.
    printed, meaning : str
        The value, and what it can be, for a reader.
    """

    percent: float | None
    comparable: bool
    printed: str
    meaning: str


def rival_value(published: Published, method: Method, dataset: str) -> RivalValue:
    """Work out what a printed value of a rival can be on a database.

    Parameters
    ----------
    published : Published
    method : models.Method
    dataset : str
    """
    percent = published.rivals.get((method.printed, dataset))
    if percent is None:
        return RivalValue(None, False, "", "the paper prints no value here")
    database, counts = DATABASES[dataset], published.distributed.get(dataset)
    said = REMARKS[method.name, dataset]
    clips = sum(counts) if counts else published.annotated[dataset][0]
    k, line = count_as_printed(published, percent, clips)
    if k is None or not counts:
        known = "" if counts is None else f"; always answering {database.class_names[counts.index(max(counts))]} gives "
        known += "" if counts is None else f"{max(counts)}/{clips} = {max(counts) / clips:.2%}"
        return RivalValue(percent, False, f"{percent:.2f}%", f"{line}{known}; what it counts cannot be known; {said}")
    classes = f"{database.class_names[0]}/{'/'.join(database.class_names[1:])} {slashed(counts)}"
    meaning = f"{line}: can be all clips as distributed ({classes}); {said}"
    return RivalValue(percent, True, f"{percent:.2f}%", meaning)
