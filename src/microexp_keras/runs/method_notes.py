"""From the results of a rival method's folds to what a reader must know of the method, and whose its settings are."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from microexp_keras.atomic import write_text
from microexp_keras.baselines.parameters import marks
from microexp_keras.baselines.rivals import RIVALS
from microexp_keras.metrics import Scores
from microexp_keras.runs.run import Run
from microexp_keras.text import markdown_table

SETTINGS = "method.md"

OWNERS = ("published", "reported by", "ours")
"""How marks of settings begin."""


def method_notes(run: Run, results: Sequence[dict[str, Any]], scores: Scores) -> list[str]:
    """Return what a rival method sees, what it chose, and whether it beats the constant classifier.

    Its settings, each with whose it is, are written into the run's folder.

    Returns
    -------
    list of str
        Empty for the paper's own networks.
    """
    rival, method = RIVALS.get(run.protocol.model), run.protocol.network
    if rival is None:
        return []
    rows = marks(rival.parameters)
    table = markdown_table([["setting", "value", "whose"], *([name, str(value), mark] for name, value, mark in rows)])
    write_text(run.folder / SETTINGS, f"# Settings of {method.title}\n\n{table}\n")
    counted = [sum(mark.startswith(owner) for _, _, mark in rows) for owner in OWNERS]
    owners = zip(counted, ("are published", "reported by others", "ours"), strict=True)
    of_settings = ", ".join(f"{count} {whose}" for count, whose in owners)
    what = "A reconstruction, not the authors' method" if rival.parameters.reconstruction else "Written anew"
    notes = [f"{what}: of its {len(rows)} settings {of_settings} ({SETTINGS}). It sees {method.sees}."]
    if scores.accuracy_interval[0] <= scores.majority_rate:
        notes.append(
            f"Not above always answering {scores.majority_class}, whose {scores.majority_rate:.2%} are not below the "
            f"interval: on these clips nothing shows that {method.title} tells the classes apart by what it sees."
        )
    chosen = [result["chosen"] for result in results if "chosen" in result]
    if chosen:
        costs = Counter(one["cost"] for one in chosen)
        said = ", ".join(f"{cost:g} in {folds} of {len(chosen)}" for cost, folds in sorted(costs.items()))
        notes.append(f"Cost of the support vector machine, chosen within the training subjects: {said} folds.")
        notes.append("Its probabilities are shares of the votes between pairs of classes.")
    images = [result["images"] for result in results if "images" in result]
    if images:
        right, of = map(sum, zip(*images, strict=True))
        notes.append(f"Of single images {right} of {of} are called right ({right / of:.2%}).")
    return notes
