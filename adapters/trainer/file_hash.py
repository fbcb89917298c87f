"""Files that run.json names, proved by their hash."""

import hashlib
from pathlib import Path
from typing import Literal

from failure import Failure


def check_sha256(which: Literal["base", "init"], path: Path, sha256: str) -> None:
    """Other weights of the same shape would load, and talk nonsense."""
    try:
        with path.open("rb") as file:
            actual = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise Failure(f"{which}-missing", f"run.json's {which} cannot be read: {error}") from error
    if actual != sha256:
        raise Failure(f"{which}-mismatch", f"run.json names a {which} of sha256 {sha256}, the file has {actual}")
