"""Settings go to config.json and back; what is no setting is refused."""

import json

import pytest

from microexp_keras import protocols, reproduce, train
from microexp_keras.errors import MicroExpError
from microexp_keras.runs import Settings
from microexp_keras.runs.settings import NEW


def test_settings_come_back_from_json():
    settings = Settings.of(protocols.get("paper"), data="clips", seed=3, options={"camera": "HS"}, epochs=None)
    assert Settings.from_json(json.loads(json.dumps(settings.to_json()))) == settings
    assert (settings.epochs, settings.batch_size, settings.kernel_size) == (100, 8, (3, 3, 15))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", "5"),
        ("epochs", True),
        ("data", 3),
        ("training_images", "x.npy"),
        ("options", []),
        ("seed", None),
        ("patience", "5"),
        ("patience", 0),
    ],
)
def test_a_setting_of_another_type_is_refused(name, value):
    record = Settings.of(protocols.get("paper")).to_json()
    with pytest.raises(TypeError, match=name):
        Settings.from_json(record | {name: value})


def test_only_settings_that_are_new_may_be_missing():
    record = Settings.of(protocols.get("paper")).to_json()
    for name in record:
        fewer = {key: value for key, value in record.items() if key != name}
        if name in NEW:
            Settings.from_json(fewer)
        else:
            with pytest.raises(KeyError):
                Settings.from_json(fewer)


def test_a_run_of_before_there_was_a_choice_shows_faces_in_float32_and_kept_weights():
    record = Settings.of(protocols.get("paper"), precision="bfloat16").to_json()
    del record["faces"], record["precision"], record["keep_weights"], record["patience"]
    old = Settings.from_json(record)
    assert old.faces and old.precision == "float32" and old.keep_weights and old.patience is None
    assert not Settings.of(protocols.get("paper")).keep_weights


@pytest.mark.parametrize(("protocol", "refused"), [("upstream", True), ("paper", False), ("loso", False)])
def test_the_original_programs_are_repeated_in_float32_only(protocol, refused, capsys):
    line = ["--dataset", "smic", "--data", "/nowhere", "--protocol", protocol, "--precision", "bfloat16"]
    assert train.main(line) == 2
    assert ("--precision" in capsys.readouterr().err) == refused  # the others fail for want of clips


@pytest.mark.parametrize(
    ("model", "protocol", "said"),
    [
        ("stcnn", "upstream", "--patience: expected with a protocol of this package"),
        ("stcnn", "paper", "--patience: expected with a protocol of this package"),
        ("3d-fcnn", "published", "--patience: expected with a protocol of this package"),
        ("lbp-top", "loso", "--patience: expected without --model lbp-top"),
        ("stcnn", "loso", None),
        ("late", "loso-glorot", None),
        ("3d-fcnn", "loso", None),
    ],
)
@pytest.mark.parametrize("command", ["train", "reproduce"])
def test_what_is_as_published_does_not_stop_early(command, model, protocol, said, tmp_path, capsys):
    line = ["--dataset", "smic", "--data", str(tmp_path), "--patience", "5", "--out", str(tmp_path / "out")]
    if command == "train":
        assert train.main([*line, "--model", model, "--protocol", protocol]) == 2  # there are no clips
    else:
        assert reproduce.main([*line, "--models", model, "--protocols", protocol, "--tables", "V"]) == 2
    error = capsys.readouterr().err
    assert ("--patience" in error) == (said is not None and (command, model) != ("reproduce", "lbp-top"))
    assert said is None or (command, model) == ("reproduce", "lbp-top") or said in error
    assert not (tmp_path / "out").exists()


def test_no_protocol_stops_early_of_itself():
    assert {one.patience for one in protocols.ALL} == {None}
    settings = Settings.of(protocols.get("loso"), data="clips", patience=5)
    assert settings.applied_protocol().patience == 5 and Settings.from_json(settings.to_json()) == settings


def test_settings_change_the_protocol_they_name():
    settings = Settings.of(protocols.get("paper"), data="clips", epochs=3, kernel_size=(5, 5, 3))
    protocol = settings.applied_protocol()
    assert (protocol.epochs, protocol.kernel_size, protocol.batch_size) == (3, (5, 5, 3), 8)
    assert settings.published_protocol == protocols.get("paper")
    with pytest.raises(MicroExpError, match="at most 62x62x16 with 18 frames of 64x64 pixels, found 3x3x30"):
        Settings.of(protocols.get("paper"), data="clips", kernel_size=(3, 3, 30)).applied_protocol()
