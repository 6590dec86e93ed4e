"""One case from beginning to end: its layout, its truth, the prediction, and whether the two agree."""

import os
import shutil
from dataclasses import dataclass
from typing import Optional

import prediction
import truth
from image import Case
from outcome import Outcome

HOST = "linux/amd64"


@dataclass(frozen=True)
class Workplace:
    """`ecs_arch` is the program to ask, if any; `scratch` a directory for what comes and goes, `state` runc's own; layouts stay in `keep`."""

    ecs_arch: Optional[str]
    scratch: str
    state: str
    keep: Optional[str]


@dataclass(frozen=True)
class Result:
    """`open` says that ecs-arch left the case undecided, and rightly so."""

    name: str
    truth: Optional[Outcome] = None
    differences: list[str] = ()
    open: bool = False


def judge(case: Case, place: Workplace) -> Result:
    """Asks once more before it reports a disagreement.

    The truth itself can be a slip: when Linux restarts the lookup of a path, it counts the symbolic links it has followed twice, so
    that a chain near the limit of forty now and then fails.
    """
    result = _judge(case, place)
    return _judge(case, place) if result.differences else result


def _judge(case: Case, place: Workplace) -> Result:
    layout = os.path.join(place.keep or place.scratch, "layouts", case.name)
    shutil.rmtree(layout, ignore_errors=True)
    os.makedirs(layout)
    the_truth = None
    try:
        the_truth = truth.find(case, layout, place.scratch, place.state)
        if place.ecs_arch is None:
            return Result(case.name, the_truth)
        # Without a platform each image is judged on a host of the kind it declares, which this machine need not be.
        platform = None if case.image.architecture == "amd64" else HOST
        entry = prediction.predict(place.ecs_arch, layout, platform)
        if case.may_stay_open and prediction.is_open(entry):
            return Result(case.name, the_truth, open=True)
        return Result(case.name, the_truth, prediction.differences(entry, the_truth))
    except Exception as error:  # one case that goes wrong must not take the others' results away
        return Result(case.name, the_truth, [f"{type(error).__name__}: {error}"])
    finally:
        if not place.keep:
            shutil.rmtree(layout)
