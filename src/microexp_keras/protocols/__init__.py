"""Training and scoring protocols as data: one for each name, method and database."""

from microexp_keras.protocols.protocol import ABOUT, ALL, NAMES, Protocol, for_weights, get, names, of, side_by_side
from microexp_keras.protocols.splits import Fold

__all__ = ["ABOUT", "ALL", "NAMES", "Fold", "Protocol", "for_weights", "get", "names", "of", "side_by_side"]
