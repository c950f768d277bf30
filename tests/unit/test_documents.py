"""README, documentation and the files around the project: their links, their length, and that they agree."""

import importlib
import re

import pytest
import yaml
from documents import DOCUMENTS, ROOT, SKIP, anchors, blocks, links, name_of

import microexp_keras


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_links_lead_somewhere_blocks_say_why_they_are_not_run_and_no_machine_is_named(path):
    for link in links(path):
        place, _, anchor = link.partition("#")
        target = (path.parent / place).resolve() if place else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link
    for block in blocks(path):
        directive = block.language.startswith("{")
        assert directive or block.language in ("sh", "python", "text"), f"line {block.line}"
        assert directive or not block.info or block.info.startswith(SKIP), f"line {block.line}"
        assert not block.info.startswith(SKIP) or len(block.why_skipped.split()) > 2, f"line {block.line}"
    assert not re.search(r"/(home|tmp|root|work|Users)/", path.read_text(encoding="utf-8"))


def test_the_readme_is_short_and_explains_its_words():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.split()) <= 800
    explained = re.findall(r"\*\*([\w -]+)\*\*", text)
    assert {"micro-expression", "fold", "Wilson", "UF1", "UAR", "golden", "constant classifier"} <= set(explained)
    assert "3 GB of disk" in text and "tensorflow[and-cuda]" in text


def test_every_public_name_can_be_found_and_is_on_the_page_of_its_sub_package():
    """Tab completion goes by `dir`; Sphinx lists what has a docstring of its own; modules and constants are named."""
    rooms = [path.parent.name for path in (ROOT / "src" / "microexp_keras").glob("*/__init__.py")]
    pages = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "api").glob("*.md")}
    assert {*rooms, "crossval", "index", "ground"} == {*pages}
    for module in [microexp_keras, *(importlib.import_module(f"microexp_keras.{room}") for room in rooms)]:
        names = {*getattr(module, "__all__", ())}
        assert names <= {*dir(module)}, module.__name__
        for name in names if module is not microexp_keras else ():
            page, value = pages[module.__name__.partition(".")[2]], getattr(module, name)
            listed = callable(value) and value.__doc__
            assert listed or f":: {name}\n" in page or f".{name}\n" in page, f"{module.__name__}.{name}"


def test_workflows_may_write_nothing_run_on_all_that_is_promised_and_call_what_the_makefile_has():
    promised = {*re.findall(r"Python :: (3\.\d+)", (ROOT / "setup.cfg").read_text(encoding="utf-8"))}
    workflows = [yaml.safe_load(path.read_text("utf-8")) for path in (ROOT / ".github" / "workflows").glob("*.yml")]
    assert all(one["permissions"] == {"contents": "read"} for one in workflows)
    matrices = [job.get("strategy", {}).get("matrix", {}) for one in workflows for job in one["jobs"].values()]
    assert {python for matrix in matrices for python in matrix.get("python", ())} == promised != set()
    systems = {system.partition("-")[0] for matrix in matrices for system in matrix.get("system", ())}
    assert systems == {"ubuntu", "macos", "windows"}
    steps = [step.get("run", "") for one in workflows for job in one["jobs"].values() for step in job["steps"]]
    targets = {*re.findall(r"(?m)^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"))}
    assert {"test", "lint", "docs"} <= {*re.findall(r"\bmake ([\w-]+)", "\n".join(steps))} <= targets


def test_the_citation_names_paper_and_package():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert (citation["title"], citation["license"]) == ("microexp_keras", "MIT")
    assert citation["version"] == microexp_keras.__version__
    paper = citation["preferred-citation"]
    assert paper["type"] == "conference-paper" and len(paper["authors"]) == 4 and paper["year"] == 2019
    assert {"arXiv:1904.01390"} <= {one["value"] for one in paper["identifiers"]}
