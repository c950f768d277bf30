"""What a user can mend: the one exception type that the commands print without a traceback."""


class MicroExpError(ValueError):
    """Something in the data, a file or an argument is not as it must be.

    The message says where, what was expected, what was found and what to do next.
    """
