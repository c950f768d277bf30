"""From sizes to empty figures in the package's colours, and from a figure to its PNG and SVG."""

import itertools
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from microexp_keras.atomic import replacing
from microexp_keras.text import plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PathType = TypeVar("PathType", str, Path)

# Okabe and Ito's palette: told apart by colour-blind readers too.
BLUE, ORANGE, GREEN, GRAY = "#0072B2", "#D55E00", "#009E73", "#767676"

CLASS_COLOURS = [BLUE, ORANGE, GREEN]
"""Of classes 0 to 2."""

MORE_COLOURS = ["#CC79A7", "#E69F00", "#56B4E9", "#000000"]
"""Of the classes after these; then they begin again."""


def class_colours(count: int) -> list[str]:
    """Return a colour for each of so many classes."""
    return list(itertools.islice(itertools.cycle([*CLASS_COLOURS, *MORE_COLOURS]), count))


DPI = 150
LETTER = 0.085  # inches that a letter takes, about: figures are as wide as their labels need


def wrapped(text: str, width: int) -> str:
    """Wrap a text into lines of at most `width` characters."""
    return "\n".join(textwrap.wrap(text, width))


def empty_figure(inches: tuple[float, float], **options: Any) -> "Figure":
    """Make a figure without a window."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=inches, **options)
    FigureCanvasAgg(figure)
    return figure


def subplots(rows: int, columns: int, inches: tuple[float, float]) -> tuple["Figure", Any]:
    """Make a figure and its axes: one, or an array of them."""
    figure = empty_figure(inches, layout="constrained")
    return figure, figure.subplots(rows, columns)


def show_as_written(figure: "Figure") -> None:
    """Let the texts of a figure be no formulas, whatever `$` a name holds, nor what no font has a letter for."""
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        text.set_parse_math(False)
        text.set_text(plain(text.get_text()))


def save(figure: "Figure", path: PathType) -> PathType:
    """Write the figure as PNG and as SVG beside it and return the path of the PNG.

    The same figure gives the same bytes, and the SVG's text can be searched and edited.
    """
    from matplotlib import rc_context

    show_as_written(figure)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=DPI, format="png", metadata={"Software": None})
    repeatable = rc_context({"svg.fonttype": "none", "svg.hashsalt": "microexp_keras"})
    with repeatable, replacing(Path(path).with_suffix(".svg")) as temporary:
        figure.savefig(temporary, dpi=DPI, format="svg", metadata={"Date": None, "Creator": None})
    return path
