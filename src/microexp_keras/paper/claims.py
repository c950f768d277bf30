"""From `claims.toml` to claims that were checked: every step is computed again and compared with what is said of it."""

import json
import math
import re
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from microexp_keras import __version__
from microexp_keras.data import read_toml
from microexp_keras.paper import operations
from microexp_keras.paper.operations import Found, plain
from microexp_keras.paper.published import FIGURES, Cell, published, table_5

CLAIMS = read_toml(__package__, "claims.toml")

KINDS: dict[str, str] = CLAIMS["kinds"]
"""Every kind of verdict, and what it means."""

WITHOUT_DISAGREEMENT = ("consistent", "above majority")
WITH_DISAGREEMENT = ("contradiction", "unlikely", "not shown")
"""Kinds of which no, or some, printed figure must disagree with what was computed."""

FIGURE = re.compile(r"@[\w.]+(?: \(\d+\))?")
"""A published figure in an expression: `@rivals.smic.STCLQP (2016)`."""


@dataclass(frozen=True)
class Claim:
    """A published figure or statement, with what recomputing it shows.

    Attributes
    ----------
    key : str
        Short and stable: `"accuracy-stcnn-smic"`.
    group, subject : str
        The table that it stands in, or what it is about; what was published.
    kind, verdict : str
        One of `KINDS`; what was found.
    arithmetic : tuple of str
        How it was found, to be followed with a pocket calculator.
    inferred, unknown : str
        What is concluded beyond the arithmetic; what cannot be known from what was published.
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


def audit(figures: Mapping[str, Any] = FIGURES) -> list[Claim]:
    """Check all claims about the published figures.

    Parameters
    ----------
    figures : dict
        The contents of `published.toml`. With a figure changed the claims that rest on it no longer hold.

    Returns
    -------
    list of Claim
        In the order of the paper's tables.
    """
    cells = {cell.key: cell for cell in table_5(published(figures))}
    return [_checked(dict(claim), figures, cells) for claim in CLAIMS["claim"]]


def _checked(claim: dict[str, Any], figures: Mapping[str, Any], cells: Mapping[str, Cell]) -> Claim:
    """Compute the steps of a claim again, and tell whether they bear out what it says."""
    steps = [_step(dict(step), figures, cells) for step in claim.pop("steps")]
    disagree = any(agrees is False for _, agrees, _ in steps)
    wrong = [line for as_said, _, line in steps if not as_said]
    if claim["kind"] in (WITHOUT_DISAGREEMENT if disagree else WITH_DISAGREEMENT):
        wrong.append(f"{'some' if disagree else 'no'} figures disagree")
    if wrong:
        said = f"{'; '.join(wrong[:2])}. The claim was: {claim['verdict']} [{claim['kind']}]"
        claim |= {"kind": "does not hold", "verdict": said}
    return Claim(**claim, arithmetic=tuple(line for _, _, line in steps))


def _step(step: dict[str, Any], figures: Mapping[str, Any], cells: Mapping[str, Cell]) -> tuple[bool, bool | None, str]:
    """Compute a step: whether it comes out as `is` says, whether as the paper prints or says, and a line."""
    what, expected, printed, said = (step.pop(name, None) for name in ("what", "is", "printed", "said"))
    if "compute" in step:
        result, line = _computed(step["compute"], figures)
    else:
        operation = getattr(operations, step.pop("op"))
        programs = {name: cells[step.pop(name)] for name in ("program", "other") if name in step}
        result, line = operation(**{name: _figure(value, figures) for name, value in step.items()}, **programs)
    result = list(result) if isinstance(result, tuple) else result
    line = f"{what}: {line}" if what else line
    as_said = expected is None or result == expected
    if not as_said:
        line = f"NOT {plain(expected)}, AS CLAIMED: {line}"
    if printed is None and said is None:
        return as_said, None, line
    agrees = result == (said if printed is None else _figure(printed, figures))
    line += "" if printed is None else f"; {plain(_figure(printed, figures))} in print"
    return as_said, agrees, f"{'agrees' if agrees else 'DISAGREES'}: {line}"


def _computed(expression: str, figures: Mapping[str, Any]) -> Found:
    """Compute an expression of our own data file, and show it with its figures."""
    if FIGURE.fullmatch(expression):
        figure = _figure(expression, figures)
        return figure, plain(figure)
    shown = FIGURE.sub(lambda found: plain(_figure(found[0], figures)), expression)
    result = eval(shown, {"C": math.comb})  # C: the ways of choosing some of a whole
    result = round(result, 2) if isinstance(result, float) else result
    shown = shown.replace("*", "x")
    return result, f"{shown}: {'yes' if result else 'no'}" if isinstance(result, bool) else f"{shown} = {plain(result)}"


def _figure(value: Any, figures: Mapping[str, Any]) -> Any:
    """Look up what begins with `@` in the published figures, `@accuracy.smic.stcnn`, also inside lists."""
    if isinstance(value, list):
        return [_figure(item, figures) for item in value]
    if not isinstance(value, str) or not value.startswith("@"):
        return value
    found: Any = figures
    for name in value[1:].split("."):
        found = found[int(name) if isinstance(found, list) else name]
    return found


def as_markdown(claims: Sequence[Claim]) -> str:
    """Write the claims as Markdown: a summary, then each with its verdict and the arithmetic below it."""
    counts = Counter(claim.kind for claim in claims)
    lines = ["# Audit of the published numbers", "", f"{_overview(claims)}:", ""]
    lines += [f"* {counts[kind]} {kind}: {meaning}" for kind, meaning in KINDS.items() if counts[kind]]
    lines += ["", CLAIMS["about"]]
    for group in dict.fromkeys(claim.group for claim in claims):
        lines += ["", f"## {group}"]
        for claim in [claim for claim in claims if claim.group == group]:
            lines += ["", f"* {claim.subject}: {claim.verdict} [{claim.kind}] (`{claim.key}`)"]
            lines += [f"    * {line}" for line in claim.arithmetic]
            lines += [f"    * inferred, not computed: {claim.inferred}"] * bool(claim.inferred)
            lines += [f"    * cannot be known: {claim.unknown}"] * bool(claim.unknown)
    return "\n".join(lines)


def as_text(claims: Sequence[Claim], width: int = 100) -> str:
    """Write the same for a terminal, in lines of at most `width` letters."""
    lines = []
    for line in as_markdown(claims).splitlines():
        start = line.partition("* ")[0] + "  " if line.lstrip().startswith("* ") else ""
        lines += textwrap.wrap(line, width, subsequent_indent=start, break_on_hyphens=False) or [""]
    return "\n".join(lines)


def as_json(claims: Sequence[Claim]) -> str:
    """Return the claims, with all their fields, as JSON text."""
    about = {"package": f"microexp_keras {__version__}", "measured_on_real_data": False, "about": CLAIMS["about"]}
    with_certainty = [{**asdict(claim), "certain": claim.certain} for claim in claims]
    return json.dumps({**about, "kinds": KINDS, "overview": _overview(claims), "claims": with_certainty}, indent=2)


def _overview(claims: Sequence[Claim]) -> str:
    return f"{len(claims)} claims, {sum(claim.certain for claim in claims)} of them arithmetic throughout"


FORMATS = {"text": as_text, "json": as_json, "markdown": as_markdown}
