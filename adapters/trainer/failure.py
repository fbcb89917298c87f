"""What ends a run early: failures with a code that the server acts on."""


class Failure(Exception):
    """A run that cannot go on. `code` is stable and kebab-case; `message` is for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
