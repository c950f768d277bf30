"""Settings of Sphinx: `make docs` builds `build/docs` from this repository's Markdown, notebooks and docstrings."""

import re

from microexp_keras import __version__

project = "microexp_keras"
author = "the microexp_keras maintainers"
version = release = __version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
]
# The source is the root of the repository, so that links between its files are the same here and where git shows them.
root_doc = "docs/index"
include_patterns = ["docs/**.md", "notebooks/*.ipynb", "data/README.md", "weights/README.md"] + [
    f"{name}.md" for name in ("CHANGELOG", "CONTRIBUTING", "SECURITY")
]
exclude_patterns = [".*", "build", "runs", "src", "tests", "benchmarks", "data/[!R]*", "weights/[!R]*"]

nitpicky = True
suppress_warnings: list[str] = []
default_role = "py:obj"
nb_execution_mode = "off"  # they are kept executed; `make notebooks` does that
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
napoleon_google_docstring = False
napoleon_preprocess_types = False
napoleon_use_ivar = True
napoleon_use_rtype = False
copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = True

html_theme = "furo"
html_title = f"{project} {version}"
html_static_path = ["docs/_static"] if False else []
html_show_sphinx = False
