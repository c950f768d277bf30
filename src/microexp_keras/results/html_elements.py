"""From text and pictures to elements of HTML and a whole page; nothing that a text holds becomes an element."""

import base64
import importlib.resources
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from microexp_keras.atomic import write_text
from microexp_keras.notes import Note
from microexp_keras.regular import open_regular

Json = dict[str, Any]
"""What scores.json or config.json holds."""

POLICY = "default-src 'none'; img-src data:; media-src 'self'; style-src 'unsafe-inline'"
"""Whatever a name holds, nothing is loaded but a video that lies beside the page."""


def tag(name: str, /, *children: Element | str, kind: str | None = None, **attributes: str) -> Element:
    """Make an element of the page, `kind` being its class; text is escaped when the page is written."""
    element = Element(name, {**attributes, **({"class": kind} if kind else {})})
    for child in children:
        if not isinstance(child, str):
            element.append(child)
        elif len(element):
            element[-1].tail = (element[-1].tail or "") + child
        else:
            element.text = (element.text or "") + child
    return element


def table(head: Sequence[str], rows: Iterable[Sequence[Element | str]]) -> Element:
    """Make a table of texts or of cells; the first of each row is its heading."""
    body = [
        tag("tr", tag("th", first, scope="row"), *[tag("td", cell) if isinstance(cell, str) else cell for cell in rest])
        for first, *rest in rows
    ]
    heads = [tag("thead", tag("tr", *[tag("th", name, scope="col") for name in head]))] if head else []
    return tag("div", tag("table", *heads, tag("tbody", *body)), tabindex="0", kind="scroll")


def figure(path: Path, alt: str, caption: str | None = None, wide: bool = False) -> Element:
    """Make a figure, the picture within the page; on a narrow screen a wide one is scrolled, not made small."""
    kind = {".svg": "svg+xml", ".png": "png"}[path.suffix]
    with open_regular(path, follow=False) as file:  # a link would carry a picture from elsewhere into the page
        source = f"data:image/{kind};base64,{base64.b64encode(file.read()).decode()}"
    image = tag("img", src=source, alt=alt, kind="wide" if wide else None)
    return tag("figure", image, *([tag("figcaption", caption)] if caption else []))


def banners(notes: Iterable[Note]) -> list[Element]:
    """Make the banners at the top of a page."""
    return [
        tag("p", *_loud(note), kind="banner synthetic" if note.level == "synthetic" else "banner") for note in notes
    ]


def notes_list(notes: Iterable[Note]) -> list[Element]:
    """Make the list of notes."""
    return [tag("h2", "What a reader must know"), tag("ul", *[tag("li", *_loud(note)) for note in notes])]


def _loud(note: Note) -> list[Element | str]:
    """Return a note, its head being bold."""
    return [tag("strong", note.head), note.text] if note.head else [note.text]


def write_page(path: Path, title: str, parts: Iterable[Element]) -> Path:
    """Write a self-contained page without scripts and return its path."""
    style = importlib.resources.files("microexp_keras.results").joinpath("page.css").read_text(encoding="utf-8")
    page = tag(
        "html",
        tag(
            "head",
            tag("meta", charset="utf-8"),
            tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
            tag("meta", content=POLICY, **{"http-equiv": "Content-Security-Policy"}),
            tag("title", title),
            tag("style", "\n" + style),
        ),
        tag("body", *parts),
        lang="en",
    )
    ElementTree.indent(page, "")
    write_text(path, "<!DOCTYPE html>\n" + ElementTree.tostring(page, encoding="unicode", method="html") + "\n")
    return path
