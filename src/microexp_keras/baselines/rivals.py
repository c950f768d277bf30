"""The rival methods of Table V by name. One more is a `models.Method`, its protocols and an entry here."""

from microexp_keras.baselines.hand_crafted import LBP_TOP, STCLQP
from microexp_keras.baselines.rival import Rival
from microexp_keras.baselines.trained import CNN_AUGMENTATION, FLOW_FCNN

RIVALS: dict[str, Rival] = {
    "lbp-top": LBP_TOP,
    "stclqp": STCLQP,
    "cnn-augmentation": CNN_AUGMENTATION,
    "3d-fcnn": FLOW_FCNN,
}
