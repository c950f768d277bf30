"""Settings of Sphinx: `make docs` builds this repository's Markdown, notebooks and docstrings into `build/docs`."""

from microexp_keras import __version__
from microexp_keras.backend import import_keras

import_keras()  # here, without TensorFlow's remarks
project = "microexp_keras"
author = "the microexp_keras maintainers"
copyright = author
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
include_patterns = ["docs/**.md", "notebooks/*.ipynb", "*/README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"]
exclude_patterns = [".*", "build", "runs", "src", "tests", "benchmarks", "examples"]

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # notebooks are kept executed: `make notebooks`

default_role = "literal"  # a name in single backticks of a docstring
autodoc_inherit_docstrings = False  # those of Keras are not in this form
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
maximum_signature_line_length = 88
napoleon_google_docstring = False
napoleon_use_param = napoleon_use_rtype = False  # types of arrays are text: only those in signatures are links
napoleon_custom_sections = [("Attributes", "params_style")]

html_theme = "furo"
html_title = f"{project} {version}"
html_extra_path = ["html"]
html_static_path = ["static"]
html_css_files = ["page.css"]
html_show_sphinx = False
html_copy_source = False
html_domain_indices = False  # the general index has all names


def keep_attributes(app, what, name, obj, options, lines):
    """Let the first line of an attribute's docstring be text: napoleon takes what stands before a colon for a type."""
    if lines and lines[0].startswith("Alias for field number"):
        lines.clear()
    elif what in ("attribute", "data", "property"):
        lines.insert(0, "")


def setup(app):
    """Run before napoleon, whose priority is 500."""
    app.connect("autodoc-process-docstring", keep_attributes, priority=400)
