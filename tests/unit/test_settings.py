"""Settings go to config.json and back; what is no setting is refused."""

import json

import pytest

from microexp_keras import protocols, reproduce, train
from microexp_keras.errors import MicroExpError
from microexp_keras.runs import Settings


def record():
    return json.loads(json.dumps(Settings.of(protocols.get("paper"), data="clips").to_json()))


def test_settings_come_back_from_json():
    settings = Settings.of(protocols.get("paper"), data="clips", seed=3, options={"camera": "HS"}, epochs=3)
    assert Settings.from_json(json.loads(json.dumps(settings.to_json()))) == settings
    other = Settings.of(protocols.get("paper"), data="clips", seed=3, options={"camera": "HS"}, batch_size=4)
    assert settings.changed(other) == {"epochs": (3, 100), "batch_size": (8, 4)}


def test_no_setting_may_be_missing_or_of_another_type():
    for part, names in record().items():
        for name in names:
            changed = record()
            del changed[part][name]
            with pytest.raises(KeyError):
                Settings.from_json(changed)
    wrong = {"epochs": "5", "patience": "5", "data": 3, "options": [], "seed": None}
    for name, value in wrong.items():
        changed = record()
        changed["protocol" if name in changed["protocol"] else "settings"][name] = value
        with pytest.raises(TypeError, match=name):
            Settings.from_json(changed)


@pytest.mark.parametrize(
    ("model", "protocol", "said"),
    [
        ("stcnn", "upstream", "--patience: does not go with upstream"),
        ("stcnn", "paper", "--patience: does not go with paper"),
        ("3d-fcnn", "published", "--patience: does not go with published"),
        ("lbp-top", "loso", "--patience: means nothing to --model lbp-top"),
        ("late", "loso-glorot", None),
        ("3d-fcnn", "loso", None),
    ],
)
def test_what_is_as_published_does_not_stop_early(model, protocol, said, tmp_path, capsys):
    line = ["--dataset", "smic", "--data", str(tmp_path), "--patience", "5", "--out", str(tmp_path / "out")]
    for command, names in ((train, ("--model", "--protocol")), (reproduce, ("--models", "--protocols"))):
        tables = ["--tables", "V"] * (command is reproduce)
        assert command.main([*line, names[0], model, names[1], protocol, *tables]) == 2  # there are no clips
        error = capsys.readouterr().err
        if said and (command is train or model != "lbp-top"):  # of several methods it is for those that take it
            assert said in error
        else:
            assert "--patience" not in error
    assert not (tmp_path / "out").exists()


def test_settings_change_the_protocol_they_name():
    assert {one.patience for one in protocols.ALL} == {None}  # none stops early of itself
    assert Settings.of(protocols.get("loso"), data="clips", patience=5).protocol.patience == 5
    settings = Settings.of(protocols.get("paper"), data="clips", epochs=3, kernel_size=(5, 5, 3))
    protocol = settings.protocol
    assert (protocol.epochs, protocol.kernel_size, protocol.batch_size) == (3, (5, 5, 3), 8)
    assert settings.published_protocol == protocols.get("paper")
    with pytest.raises(
        MicroExpError, match=r"3x3x30 is too large for 18 frames of 64x64 pixels\. Take at most 62x62x16"
    ):
        Settings.of(protocols.get("paper"), data="clips", kernel_size=(3, 3, 30))
