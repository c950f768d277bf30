"""From `claims.toml` to claims that were checked: every step is computed again and compared with what is said of it."""

import math
import re
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from microexp_keras.data import read_toml
from microexp_keras.paper import arithmetic
from microexp_keras.paper.arithmetic import Found, plain
from microexp_keras.paper.published import FIGURES, Cell, published, table_5

CLAIMS = read_toml(__package__, "claims.toml")

KINDS: dict[str, str] = CLAIMS["kinds"]  #: Every kind of verdict, and what it means.

#: Whether some printed figure must disagree with what was computed, by kind; of the others it may.
DISAGREE = {"contradiction": True, "unlikely": True, "not shown": True, "consistent": False, "above majority": False}

FIGURE = re.compile(r"@[\w.]+(?: \(\d+\))?")  #: A published figure in an expression: `@rivals.smic.STCLQP (2016)`.


@dataclass(frozen=True)
class Claim:
    """A published figure or statement, with what recomputing it shows."""

    key: str  #: Short and stable: `"accuracy-stcnn-smic"`.
    group: str  #: The table that it stands in, or what it is about.
    subject: str  #: What was published.
    kind: str  #: One of `KINDS`.
    verdict: str  #: What was found.
    arithmetic: tuple[str, ...]  #: How it was found, to be followed with a pocket calculator.
    inferred: str = ""  #: What is concluded beyond the arithmetic.
    unknown: str = ""  #: What cannot be known from what was published.

    @property
    def certain(self) -> bool:
        """Whether it is arithmetic throughout."""
        return not self.inferred


def audit(figures: Mapping[str, Any] = FIGURES) -> list[Claim]:
    """Check all claims about the published figures (the contents of `published.toml`), in the order of the tables.

    With a figure changed the claims that rest on it no longer hold.
    """
    cells = {cell.key: cell for cell in table_5(published(figures))}
    return [_checked(dict(claim), figures, cells) for claim in CLAIMS["claim"]]


def _checked(claim: dict[str, Any], figures: Mapping[str, Any], cells: Mapping[str, Cell]) -> Claim:
    """Compute the steps of a claim again, and tell whether they bear out what it says."""
    steps = [_step(step, figures, cells) for step in claim.pop("steps")]
    disagree = any(agrees is False for _, agrees, _ in steps)
    wrong = [line for as_said, _, line in steps if not as_said]
    if DISAGREE.get(claim["kind"], disagree) != disagree:
        wrong.append(f"{'some' if disagree else 'no'} figures disagree")
    if wrong:
        said = f"{'; '.join(wrong[:2])}. The claim was: {claim['verdict']} [{claim['kind']}]"
        claim |= {"kind": "does not hold", "verdict": said}
    return Claim(**claim, arithmetic=tuple(line for _, _, line in steps))


def _step(step: dict[str, Any], figures: Mapping[str, Any], cells: Mapping[str, Cell]) -> tuple[bool, bool | None, str]:
    """Compute a step: whether it comes out as `is` says, whether as the paper prints or says, and a line."""
    step = {name: _figure(value, figures) if name != "compute" else value for name, value in step.items()}
    what, expected, printed, said = (step.pop(name, None) for name in ("what", "is", "printed", "said"))
    if "compute" in step:
        result, line = _computed(step["compute"], figures)
    else:
        programs = {name: cells[step.pop(name)] for name in ("program", "other") if name in step}
        result, line = getattr(arithmetic, step.pop("op"))(**step, **programs)
    result = list(result) if isinstance(result, tuple) else result
    as_said, agrees = expected is None or result == expected, None
    line = (f"{what}: " if what else "") + line + ("" if printed is None else f"; {plain(printed)} in print")
    if not as_said:
        line = f"NOT {plain(expected)}, AS CLAIMED: {line}"
    if printed is not None or said is not None:
        agrees = result == (said if printed is None else printed)
        line = f"{'agrees' if agrees else 'DISAGREES'}: {line}"
    return as_said, agrees, line


def _computed(expression: str, figures: Mapping[str, Any]) -> Found:
    """Compute an expression of our own data file, and show it with its figures."""
    if FIGURE.fullmatch(expression):
        figure = _figure(expression, figures)
        return figure, plain(figure)
    shown = FIGURE.sub(lambda found: plain(_figure(found[0], figures)), expression)
    result = eval(shown, {"C": math.comb, "ceil": math.ceil})  # C: the ways of choosing some of a whole
    result = round(result, 2) if isinstance(result, float) else result
    outcome = (": yes" if result else ": no") if isinstance(result, bool) else f" = {plain(result)}"
    return result, shown.replace("*", "x") + outcome


def _figure(value: Any, figures: Mapping[str, Any]) -> Any:
    """Look up what begins with `@` in the published figures: `@accuracy.smic.stcnn`."""
    if not isinstance(value, str) or not value.startswith("@"):
        return value
    found: Any = figures
    for name in value[1:].split("."):
        found = found[int(name) if isinstance(found, list) else name]
    return found


def as_text(claims: Sequence[Claim], width: int = 100) -> str:
    """Write the claims in lines of at most `width` letters: a summary, then each with the arithmetic below it."""
    counts = Counter(claim.kind for claim in claims)
    certain = sum(claim.certain for claim in claims)
    lines = ["# Audit of the published numbers", ""]
    lines += [f"{len(claims)} claims, {certain} of them arithmetic throughout:", ""]
    lines += [f"* {counts[kind]} {kind}: {meaning}" for kind, meaning in KINDS.items() if counts[kind]]
    lines += ["", CLAIMS["about"]]
    for group in dict.fromkeys(claim.group for claim in claims):
        lines += ["", f"## {group}"]
        for claim in [claim for claim in claims if claim.group == group]:
            lines += ["", f"* {claim.subject}: {claim.verdict} [{claim.kind}] (`{claim.key}`)"]
            lines += [f"    * {line}" for line in claim.arithmetic]
            lines += [f"    * inferred, not computed: {claim.inferred}"] * bool(claim.inferred)
            lines += [f"    * cannot be known: {claim.unknown}"] * bool(claim.unknown)
    wrapped = []
    for line in lines:
        indent = line.partition("* ")[0] + "  " if line.lstrip().startswith("* ") else ""
        wrapped += textwrap.wrap(line, width, subsequent_indent=indent, break_on_hyphens=False) or [""]
    return "\n".join(wrapped)
