"""From protocols to rows of text cells that stand beside each other."""

from microexp_keras.protocols.protocol import Protocol
from microexp_keras.text import by


def side_by_side(chosen: list[Protocol], everything: bool = False) -> list[list[str]]:
    """Tabulate protocols side by side, as rows of text cells: the first row and the first column are headings.

    Parameters
    ----------
    chosen : list of Protocol
    everything : bool
        Give all settings, not only those in which the protocols differ.
    """
    records = [one.as_json() | {"dataset": one.dataset} for one in chosen]
    columns = [{name: _text(value) for name, value in record.items()} for record in records]
    key, *settings = [[name, *[column[name] for column in columns]] for name in columns[0]]
    differing = [row for row in settings if everything or len(set(row[1:])) > 1]
    return [["", *key[1:]], *differing]


def _text(value: object) -> str:
    """What a person reads of a setting."""
    if isinstance(value, tuple):
        return by(value)
    return {True: "yes", False: "no", None: "no"}[value] if isinstance(value, bool | None) else str(value)
