"""Every setting of the rivals says whose it is, and the functions do what the settings say."""

import inspect
from collections.abc import Callable

import pytest

from microexp_keras.baselines import lbp_top, stclqp
from microexp_keras.baselines.settings import is_reconstruction, marks, settings
from microexp_keras.models import RIVALS


@pytest.mark.parametrize("method", RIVALS)
def test_every_setting_is_marked(method: str) -> None:
    assert len(marks(method)) > 15
    for name, value, mark in marks(method):
        assert mark.startswith(("published (", "reported by ", "ours: ")) and len(mark) > 9, name
        assert value == getattr(settings(method), name)


def test_three_are_reconstructions_and_say_so() -> None:
    assert [is_reconstruction(name) for name in RIVALS] == [False, True, True, True, False]
    for name, method in RIVALS.items():
        assert ("(our reconstruction)" in method.title) == is_reconstruction(name)


def test_nothing_of_the_cnn_but_its_idea_is_called_published() -> None:
    numbers = [(name, mark) for name, value, mark in marks("cnn-augmentation") if not isinstance(value, str)]
    assert numbers and all(mark.startswith("ours: ") for _, mark in numbers)


@pytest.mark.parametrize(
    ("function", "method", "names"),
    [
        (lbp_top.features, "lbp-top", {"radii", "blocks"}),
        (lbp_top.codes, "lbp-top", {"radii", "sampling"}),
        (stclqp.counts, "stclqp", {"radii", "blocks"}),
        (stclqp.learn, "stclqp", {"sizes"}),
    ],
)
def test_the_defaults_of_functions_are_the_settings(function: Callable, method: str, names: set[str]) -> None:
    found = inspect.signature(function).parameters
    assert {name: found[name].default for name in names} == {name: getattr(settings(method), name) for name in names}
    assert settings("lbp-top").bins == lbp_top.UNIFORM_BINS
