"""README, documentation and the files around the project: their links, their length, and that they agree."""

import configparser
import importlib
import re
import subprocess

import pytest
import yaml
from documents import DOCUMENTS, ROOT, SKIP, anchors, blocks, links, name_of

from microexp_keras import __version__

each = pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))


def read_yaml(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@each
def test_every_link_leads_somewhere(path):
    for link in links(path):
        place, _, anchor = link.partition("#")
        target = (path.parent / place).resolve() if place else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@each
def test_every_block_has_a_language_and_a_reason_if_it_is_not_run(path):
    for block in blocks(path):
        directive = block.language.startswith("{")
        assert directive or block.language in ("sh", "python", "text"), f"line {block.line}"
        assert directive or not block.info or block.info.startswith(SKIP), f"line {block.line}"
        assert not block.info.startswith(SKIP) or len(block.why_skipped.split()) > 2, f"line {block.line}"


@each
def test_a_document_names_no_machine(path):
    assert not re.search(r"/(home|tmp|root|work|Users)/", path.read_text(encoding="utf-8"))


def test_the_readme_is_short_and_explains_its_words():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.split()) <= 800
    explained = re.findall(r"\*\*([\w -]+)\*\*", text)
    assert {"micro-expression", "fold", "Wilson", "UF1", "UAR", "golden", "constant classifier"} <= set(explained)
    assert "3 GB of disk" in text and "tensorflow[and-cuda]" in text


def test_every_sub_package_has_a_page_of_the_reference():
    rooms = {path.parent.name for path in (ROOT / "src" / "microexp_keras").glob("*/__init__.py")}
    assert rooms | {"crossval"} == {path.stem for path in (ROOT / "docs" / "api").glob("*.md")} - {"index", "ground"}


def test_every_public_name_can_be_found():
    """Tab completion and the API reference go by `dir`."""
    rooms = [path.parent.name for path in (ROOT / "src" / "microexp_keras").glob("*/__init__.py")]
    for room in ["", *(f".{room}" for room in rooms)]:
        module = importlib.import_module(f"microexp_keras{room}")
        assert {*getattr(module, "__all__", ())} <= {*dir(module)}, room


def test_every_public_name_is_on_the_page_of_its_sub_package():
    """Sphinx lists classes, functions and what has a docstring of its own; modules and constants are named."""
    for path in (ROOT / "src" / "microexp_keras").glob("*/__init__.py"):
        module = importlib.import_module(f"microexp_keras.{path.parent.name}")
        page = (ROOT / "docs" / "api" / f"{path.parent.name}.md").read_text(encoding="utf-8")
        for name in getattr(module, "__all__", ()):
            listed = callable(getattr(module, name)) and getattr(module, name).__doc__
            assert listed or f":: {name}\n" in page or f".{name}\n" in page, f"{module.__name__}.{name}"


def test_the_makefile_has_what_workflows_call():
    known = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    called = {}
    for path in WORKFLOWS:
        for job in read_yaml(path)["jobs"].values():
            for step in job["steps"]:
                for target in re.findall(r"\bmake ([\w-]+)", step.get("run", "")):
                    called.setdefault(target, path.name)
    assert {"test", "lint", "docs"} <= called.keys() <= known


def test_workflows_cover_the_pythons_and_systems_of_the_metadata():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    promised = set(re.findall(r"Python :: (3\.\d+)", setup["metadata"]["classifiers"]))
    tested, systems = set(), set()
    for path in WORKFLOWS:
        workflow = read_yaml(path)
        assert workflow["permissions"] == {"contents": "read"}, path  # nothing that a workflow runs may write
        for job in workflow["jobs"].values():
            matrix = job.get("strategy", {}).get("matrix", {})
            tested |= set(matrix.get("python", ()))
            systems |= {job["runs-on"], *matrix.get("system", ())}
    assert tested == promised
    assert {name.split("-")[0] for name in systems if "$" not in name} == {"ubuntu", "macos", "windows"}


def test_the_citation_names_paper_and_package():
    citation = read_yaml(ROOT / "CITATION.cff")
    assert (citation["title"], citation["version"], citation["license"]) == ("microexp_keras", __version__, "MIT")
    paper = citation["preferred-citation"]
    assert paper["type"] == "conference-paper" and len(paper["authors"]) == 4 and paper["year"] == 2019
    assert {"arXiv:1904.01390"} <= {one["value"] for one in paper["identifiers"]}


def test_what_is_shipped_is_in_git_and_what_is_built_is_not():
    if subprocess.run(["git", "-C", ROOT, "rev-parse"], capture_output=True).returncode:
        pytest.skip("not a git checkout")
    ignored = subprocess.run(["git", "-C", ROOT, "check-ignore", "build/docs/index.html"], capture_output=True)
    assert ignored.returncode == 0
