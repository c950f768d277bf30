"""From sizes to empty figures in the package's colours, and from a figure to its PNG and SVG."""

import functools
import itertools
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from microexp_keras.atomic import replacing
from microexp_keras.text import plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PathType = TypeVar("PathType", str, Path)
Options = ParamSpec("Options")
Result = TypeVar("Result")

# Okabe and Ito's palette: told apart by colour-blind readers too.
BLUE, ORANGE, GREEN, GRAY = "#0072B2", "#D55E00", "#009E73", "#767676"
COLOURS = [BLUE, ORANGE, GREEN, "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
DPI = 150
LETTER = 0.085  # inches that a letter takes, about: figures are as wide as their labels need
STYLE: list[Any] = ["default", {"axes.spines.top": False, "axes.spines.right": False}]


def class_colours(count: int) -> list[str]:
    """Return a colour for each of so many classes."""
    return list(itertools.islice(itertools.cycle(COLOURS), count))


def in_own_style(draw: Callable[Options, Result]) -> Callable[Options, Result]:
    """Let a function draw in a style of ours: a matplotlibrc may ask for LaTeX, or for other fonts."""

    @functools.wraps(draw)
    def drawn(*args: Options.args, **options: Options.kwargs) -> Result:
        from matplotlib import style

        with style.context(STYLE):
            return draw(*args, **options)

    return drawn


def subplots(rows: int, columns: int, inches: tuple[float, float]) -> tuple["Figure", Any]:
    """Make a figure without a window and its axes: one, or an array of them."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=inches, layout="constrained")
    return figure, figure.subplots(rows, columns)


def save(figure: "Figure", path: PathType) -> PathType:
    """Write the figure as PNG and as SVG beside it and return the path of the PNG.

    The same figure gives the same bytes, and the SVG's text can be searched and edited. No text is a formula, whatever
    `$` a name holds.
    """
    from matplotlib import rc_context
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        text.set_parse_math(False)
        text.set_text(plain(text.get_text()))
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=DPI, format="png", metadata={"Software": None})
    repeatable = rc_context({"svg.fonttype": "none", "svg.hashsalt": "microexp_keras"})
    with repeatable, replacing(Path(path).with_suffix(".svg")) as temporary:
        figure.savefig(temporary, dpi=DPI, format="svg", metadata={"Date": None, "Creator": None})
    return path


def finish(
    figure: "Figure",
    path: PathType,
    title: str,
    legend: tuple[Sequence[Any], Sequence[str]] | None = None,
    columns: int = 1,
) -> PathType:
    """Put the title above a figure and the legend, handles and texts, below it; save it."""
    if legend:
        figure.legend(*legend, loc="outside lower center", ncols=columns, frameon=False, fontsize=9)
    figure.suptitle(textwrap.fill(title, round(10 * figure.get_figwidth())), fontsize=10)
    return save(figure, path)
