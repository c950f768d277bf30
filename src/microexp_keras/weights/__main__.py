"""`python -m microexp_keras.weights inspect FILE`."""

import sys

from microexp_keras.weights import main

if __name__ == "__main__":
    sys.exit(main())
