"""What is written for readers: the Markdown files, their blocks of commands and code, and their links."""

import re
import shlex
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
TOP = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "data/README.md", "weights/README.md")
DOCUMENTS = [*(ROOT / name for name in TOP), *sorted((ROOT / "docs").rglob("*.md"))]
SKIP = "skip: "


class Block(NamedTuple):
    """A fenced block: ```` ```sh skip: it needs a GPU ````."""

    line: int
    language: str
    info: str
    text: str

    @property
    def why_skipped(self):
        """The reason that stands in the fence, or an empty text."""
        return self.info.removeprefix(SKIP) if self.info.startswith(SKIP) else ""


def name_of(path):
    """Name a document in the titles of tests."""
    return str(path.relative_to(ROOT))


def blocks(path):
    """Give the fenced blocks of a document."""
    text = path.read_text(encoding="utf-8")
    for found in re.finditer(r"^```(\S*) ?(.*)\n((?:.*\n)*?)^```$", text, re.MULTILINE):
        yield Block(text.count("\n", 0, found.start()) + 1, found[1], found[2], found[3])


def commands(block):
    """Give the commands of a block as lists of words: lines go on after a backslash, and `&&` divides them."""
    for line in block.text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        while words:
            end = words.index("&&") if "&&" in words else len(words)
            yield words[:end]
            words = words[end + 1 :]


def prose(path):
    """Give a document's text without its fenced blocks and code."""
    text = re.sub(r"^```.*\n(?:.*\n)*?^```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return re.sub(r"`[^`\n]*`", lambda code: code[0] if "](" not in code[0] else "", text)


def links(path):
    """Give the targets of links and pictures that are no web addresses."""
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(path)):
        if not re.match(r"[a-z]+:", target):
            yield target


def anchors(path):
    """Give the names under which a document's headings can be linked."""
    for title in re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", title.casefold()).replace(" ", "-")
