"""The three ways a start can end, and the kernel's words for the errors in between."""

import errno
import os
from dataclasses import dataclass
from typing import Optional

# Go prints the kernel's words in lower case. A name that no directory of PATH holds is ENOENT (exit status 127).
ERRNO_OF_WORDS = {os.strerror(code).lower(): name for code, name in errno.errorcode.items()}
ERRNO_OF_WORDS["executable file not found in $path"] = "ENOENT"


@dataclass(frozen=True)
class Outcome:
    """`stage`: `create` (refused), `exec` (execve fails) or `start`. `text` is what the runtime prints, empty when it starts."""

    stage: str
    errno: Optional[str] = None
    text: str = ""

    def __str__(self) -> str:
        return " ".join(filter(None, (self.stage, self.errno, self.text and f"`{self.text}`")))


def errno_in(text: str) -> Optional[str]:
    """The error whose words end `text`."""
    return ERRNO_OF_WORDS.get(text.rpartition(": ")[2].strip().lower())
