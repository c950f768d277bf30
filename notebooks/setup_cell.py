REPOSITORY = "https://github.com/OWNER/microexp_keras"  # PLACEHOLDER: the repository's address
DRIVE = False  # in Colab, True: data from Google Drive, and runs/ there
# Colab's TensorFlow, Keras, numpy, h5py and OpenCV stay. pip replaces filelock, and dlib by dlib-bin.

import os
import runpy
import subprocess

SETUP, CLONE = "notebooks/setup_colab.py", "microexp-keras"
root = next((one for one in (".", "..", CLONE) if os.path.exists(f"{one}/{SETUP}")), None)
if not root and subprocess.run(["git", "clone", "--quiet", REPOSITORY, CLONE]).returncode:
    raise SystemExit(f"{REPOSITORY} cannot be cloned. Put the repository's address above.")
os.chdir(root or CLONE)
OUT = runpy.run_path(SETUP)["set_up"](DRIVE)  # a new folder in runs/ for this notebook
