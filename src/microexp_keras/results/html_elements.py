"""From text and pictures to the elements of an HTML page; nothing that a text holds becomes an element."""

import base64
from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element


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


def figure(path: Path, alt: str, caption: str | None = None) -> Element:
    """Make a figure, the picture within the page."""
    kind = {".svg": "svg+xml", ".png": "png"}[path.suffix]
    source = f"data:image/{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
    return tag("figure", tag("img", src=source, alt=alt), *([tag("figcaption", caption)] if caption else []))
