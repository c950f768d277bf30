"""The rival methods of the paper's Table V: from clips to features, kernels and networks."""

from microexp_keras.baselines import lbp_top, stclqp

__all__ = ["lbp_top", "stclqp"]
