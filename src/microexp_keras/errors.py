"""An error the user can fix: the one exception type that the commands print without a traceback."""

from os import PathLike


class MicroExpError(ValueError):
    """Something in the data, a file or an argument is not as it must be.

    The message is put together last: `WHERE: expected EXPECTED, found FOUND. REMEDY`.

    Parameters
    ----------
    where : str or Path
        File, clip, option or argument. Given alone, the whole message.
    expected : str, optional
    found : str, optional
        What is there instead; without `expected`, what happened.
    remedy : str, optional
        What to do next, in full sentences.
    """

    def __init__(
        self,
        where: str | PathLike[str],
        expected: str | None = None,
        found: str | None = None,
        remedy: str | None = None,
    ) -> None:
        self.where, self.expected, self.found, self.remedy = str(where), expected, found, remedy
        super().__init__(self._message())

    def within(self, where: str | PathLike[str]) -> "MicroExpError":
        """Return this error with the file or clip named that its own place is in."""
        return MicroExpError(f"{where}: {self.where}", self.expected, self.found, self.remedy)

    def _message(self) -> str:
        parts = [f"expected {self.expected}" if self.expected else "", self.found or ""]
        said = (", found " if self.expected else "").join(filter(None, parts))
        sentences = [f"{self.where}: {said}." if said else self.where, self.remedy or ""]
        return " ".join(filter(None, sentences))
