"""A claim: a published figure or statement, with the kind of verdict and the arithmetic that lead to it."""

from collections.abc import Sequence
from dataclasses import dataclass

TABLE_4, TABLE_5, TABLE_8 = "Table IV: clips", "Table V: accuracies", "Table VIII: epochs 91 to 100"
MATRICES, TABLE_9 = "Tables VI and VII: confusion matrices", "Table IX: kernel sizes"
PROGRAMS, SHAPES = "The programs: what trains and what is scored", "Table II and Fig. 2: the networks"
WEIGHTS, CLIPS = "The published weights", "The databases"

Check = tuple[bool, str]
"""Whether a comparison agrees, and a line that says it."""

KINDS = {
    "consistent": "the figures agree with one another",
    "unlikely": "possible, but nothing that is known of the programs makes one expect it",
    "contradiction": "figures, or figures and programs, exclude one another",
    "not possible": "no whole number of the clips in question gives the figure",
    "constant classifier": "exactly what one answer for every clip scores",
    "includes training clips": "counted on clips that the network was trained on as well",
    "selected on scored clips": "the best of many epochs, chosen on the clips that are scored",
    "above majority": "the majority rate lies below the 95 % interval of the score",
    "not above majority": "the 95 % interval of the score reaches down to the majority rate",
    "not comparable": "another protocol, so the figures answer different questions",
    "cannot be known": "neither the paper nor the programs say it",
}
"""Every kind of verdict, and what it means."""


@dataclass(frozen=True)
class Claim:
    """A published figure or statement, with what recomputing it shows.

    Attributes
    ----------
    key : str
        Short and stable: `"accuracy-stcnn-smic"`.
    group : str
        The table that it stands in, or what it is about.
    subject : str
        What was published.
    kind : str
        One of `KINDS`.
    verdict : str
        What was found.
    arithmetic : tuple of str
        How it was found, to be followed with a pocket calculator.
    inferred : str
        What is concluded beyond the arithmetic; empty where nothing is.
    unknown : str
        What cannot be known from what was published.
    """

    key: str
    group: str
    subject: str
    kind: str
    verdict: str
    arithmetic: tuple[str, ...]
    inferred: str = ""
    unknown: str = ""

    @property
    def certain(self) -> bool:
        """Whether it is arithmetic throughout."""
        return not self.inferred


def checked(
    key: str,
    group: str,
    subject: str,
    checks: Sequence[Check],
    *more: str,
    fault: str = "contradiction",
    inferred: str = "",
    unknown: str = "",
) -> Claim:
    """Make a claim of comparisons, of kind `fault` if any disagrees."""
    failed = [line for agrees, line in checks if not agrees]
    verdict = f"all {len(checks)} comparisons agree" if len(checks) > 2 else "; ".join(line for _, line in checks)
    if failed:
        rest = f" (and {len(failed) - 2} more)" if len(failed) > 2 else ""
        verdict = "; ".join(failed[:2]) + rest
    lines = (*(f"{'agrees' if agrees else 'DISAGREES'}: {line}" for agrees, line in checks), *more)
    return Claim(key, group, subject, fault if failed else "consistent", verdict, lines, inferred, unknown)
