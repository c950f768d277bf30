"""From claims to text for a terminal, Markdown or JSON."""

import json
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict

from microexp_keras import __version__
from microexp_keras.paper.claim import KINDS, Claim
from microexp_keras.text import markdown_table

HEADER = (
    "Recomputed from printed tables and from the labels and splits of the original programs. Nothing was measured on "
    "real data: there is none here. A figure counts as k of n clips if it is what k/n is rounded to, a tie going "
    "either way; where only cutting digits off gives it, that is said."
)


def as_text(claims: Sequence[Claim], width: int = 100) -> str:
    """Render the claims for a terminal: verdict first, arithmetic indented."""

    def wrapped(text: str, indent: str = "") -> str:
        return textwrap.fill(text, width, initial_indent=indent, subsequent_indent=indent + "  ")

    blocks = [textwrap.fill(HEADER, width)]
    for group, members in _grouped(claims):
        blocks.append(f"{group}\n{'=' * len(group)}")
        for claim in members:
            lines = [f"{claim.subject}: {claim.verdict}  [{claim.kind}]"]
            blocks.append("\n".join([wrapped(lines[0]), *(wrapped(line, "    ") for line in _details(claim))]))
    rows = [wrapped(f"{count:>4} {kind}: {meaning}") for kind, count, meaning in _by_kind(claims)]
    return "\n\n".join([*blocks, "\n".join([_overview(claims), *rows])])


def as_markdown(claims: Sequence[Claim]) -> str:
    """Render the claims as a Markdown document, one section per group."""
    blocks = ["# Audit of the published numbers", HEADER]
    for group, members in _grouped(claims):
        blocks.append(f"## {group}")
        for claim in members:
            lines = [f"* **{claim.subject}**: {claim.verdict}. *{claim.kind}* (`{claim.key}`)"]
            blocks.append("\n".join([*lines, *(f"  * {line}" for line in _details(claim))]))
    rows = [[kind, str(count), meaning] for kind, count, meaning in _by_kind(claims)]
    table = markdown_table([["kind", "claims", "meaning"], *rows])
    return "\n\n".join([*blocks, "## Overview", f"{_overview(claims)}.", table])


def as_json(claims: Sequence[Claim]) -> str:
    """Return the claims, with all their fields, as JSON text."""
    about = {
        "package": f"microexp_keras {__version__}",
        "measured_on_real_data": False,
        "about": HEADER,
        "kinds": KINDS,
    }
    with_certainty = [{**asdict(claim), "certain": claim.certain} for claim in claims]
    return json.dumps({**about, "overview": _overview(claims), "claims": with_certainty}, indent=2)


def _details(claim: Claim) -> list[str]:
    more = {"inferred, not computed": claim.inferred, "cannot be known": claim.unknown}
    return [*claim.arithmetic, *(f"{what}: {text}" for what, text in more.items() if text)]


def _grouped(claims: Sequence[Claim]) -> Iterator[tuple[str, list[Claim]]]:
    for group in dict.fromkeys(claim.group for claim in claims):
        yield group, [claim for claim in claims if claim.group == group]


def _by_kind(claims: Sequence[Claim]) -> list[tuple[str, int, str]]:
    counts = Counter(claim.kind for claim in claims)
    return [(kind, counts[kind], meaning) for kind, meaning in KINDS.items() if counts[kind]]


def _overview(claims: Sequence[Claim]) -> str:
    return f"{len(claims)} claims, {sum(claim.certain for claim in claims)} of them arithmetic throughout"


FORMATS: dict[str, Callable[[Sequence[Claim]], str]] = {"text": as_text, "json": as_json, "markdown": as_markdown}
