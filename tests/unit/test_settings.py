"""Settings go to config.json and back; what is no setting is refused."""

import json

import pytest

from microexp_keras import protocols, train
from microexp_keras.errors import MicroExpError
from microexp_keras.runs import Settings


def test_settings_come_back_from_json():
    settings = Settings.of(protocols.get("paper"), data="clips", seed=3, options={"camera": "HS"}, epochs=None)
    assert Settings.from_json(json.loads(json.dumps(settings.to_json()))) == settings
    assert (settings.epochs, settings.batch_size, settings.kernel_size) == (100, 8, (3, 3, 15))


@pytest.mark.parametrize(
    ("name", "value"),
    [("epochs", "5"), ("epochs", True), ("data", 3), ("training_images", "x.npy"), ("options", []), ("seed", None)],
)
def test_a_setting_of_another_type_is_refused(name, value):
    record = Settings.of(protocols.get("paper")).to_json()
    with pytest.raises(TypeError, match=name):
        Settings.from_json(record | {name: value})
    del record[name]
    with pytest.raises(KeyError):
        Settings.from_json(record)


def test_a_run_of_before_there_was_a_choice_shows_faces_in_float32_and_kept_weights():
    record = Settings.of(protocols.get("paper"), precision="bfloat16").to_json()
    del record["faces"], record["precision"], record["keep_weights"]
    old = Settings.from_json(record)
    assert old.faces and old.precision == "float32" and old.keep_weights
    assert not Settings.of(protocols.get("paper")).keep_weights


@pytest.mark.parametrize(("protocol", "refused"), [("upstream", True), ("paper", False), ("loso", False)])
def test_the_original_programs_are_repeated_in_float32_only(protocol, refused, capsys):
    line = ["--dataset", "smic", "--data", "/nowhere", "--protocol", protocol, "--precision", "bfloat16"]
    assert train.main(line) == 2
    assert ("--precision" in capsys.readouterr().err) == refused  # the others fail for want of clips


def test_settings_change_the_protocol_they_name():
    settings = Settings.of(protocols.get("paper"), data="clips", epochs=3, kernel_size=(5, 5, 3))
    protocol = settings.applied_protocol()
    assert (protocol.epochs, protocol.kernel_size, protocol.batch_size) == (3, (5, 5, 3), 8)
    assert settings.published_protocol == protocols.get("paper")
    with pytest.raises(MicroExpError, match="at most 62x62x16 with 18 frames of 64x64 pixels, found 3x3x30"):
        Settings.of(protocols.get("paper"), data="clips", kernel_size=(3, 3, 30)).applied_protocol()
