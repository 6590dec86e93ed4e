"""What `ecs-arch inspect` says about a layout, and how that is compared with the truth."""

import json
import subprocess
from typing import Optional

from outcome import ERRNO_OF_WORDS, Outcome

LIMIT_SECONDS = 30


class NoPrediction(Exception):
    """The program gave no answer that can be compared."""


def predict(ecs_arch: str, layout: str, platform: Optional[str]) -> dict:
    """The one entry of `platforms`; raises `NoPrediction`."""
    command = [ecs_arch, "inspect", f"oci:{layout}", "--format", "json"]
    if platform:
        command += ["--platform", platform]
    try:
        answer = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        raise NoPrediction(f"no answer after {LIMIT_SECONDS} seconds") from None
    if answer.returncode not in (0, 1):
        raise NoPrediction(f"exit status {answer.returncode}: {answer.stderr.decode('utf-8', 'replace').strip()}")
    try:
        (entry,) = json.loads(answer.stdout)["platforms"]
    except (ValueError, KeyError) as error:
        raise NoPrediction(f"not the JSON of `inspect` ({error!r}): {answer.stdout[:300]!r}") from None
    return entry


def is_open(entry: dict) -> bool:
    """Whether the program says that it does not know."""
    return entry["starts"] is None and entry["outcome"] is None


def differences(prediction: dict, truth: Outcome) -> list[str]:
    """Each way in which a prediction is not the truth. What must be equal, and how closely, is settled here alone."""
    if is_open(prediction):
        return [f"left open: {prediction.get('why')}"]
    outcome = prediction["outcome"]
    text = outcome.get("text") or ""
    found = []
    if prediction["starts"] != (truth.stage == "start"):
        found.append(f"starts: predicted {prediction['starts']}")
    for name, predicted, true in (("stage", outcome["stage"], truth.stage), ("errno", outcome["errno"], truth.errno)):
        if predicted != true:
            found.append(f"{name}: predicted {predicted}, true {true}")
    if truth.stage == "exec" and text != truth.text:
        found.append(f"text: predicted {text!r}, true {truth.text!r}")
    # A refusal is worded by whoever refuses; only the kernel's own words have to be in it.
    if truth.stage == "create" and truth.errno and not any(words in text.lower() for words in _words_of(truth)):
        found.append(f"text: predicted {text!r}, true {truth.text!r}")
    return found


def _words_of(truth: Outcome) -> list[str]:
    return [words for words, name in ERRNO_OF_WORDS.items() if name == truth.errno and truth.text.lower().endswith(words)]
