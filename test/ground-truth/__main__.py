"""Compares the predictions of `ecs-arch inspect` with what runc and the kernel of this machine really do.

    python3 test/ground-truth                    all cases; needs root, runc, and target/release/ecs-arch
    python3 test/ground-truth --list
    python3 test/ground-truth --only 'shebang/*'
    python3 test/ground-truth --truth-only       prints the truth, without ecs-arch
    python3 test/ground-truth --keep DIR         leaves the image layouts there

Way of the data: `cases/` says which images there are; `layout.py` writes one as an OCI layout; `root_filesystem.py` reads it back into
a directory and `process.py` into a process; `runtime.py` and `kernel.py` start that; `truth.py` joins the two; `prediction.py` asks
ecs-arch about the same layout and compares; `judgement.py` does all that for one case, `workers.py` for all. Debian's programs come
from `debian.py`, malformed ones from `elf.py`.
"""

import argparse
import collections
import fnmatch
import os
import signal
import sys
import tempfile
import time

import debian
import truth
import workers
from cases import all_cases
from judgement import Result, Workplace

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DEBIAN_CACHE = os.path.join(REPOSITORY, "target", "ground-truth", "debian")
ECS_ARCH = os.path.join(REPOSITORY, "target", "release", "ecs-arch")


def main() -> int:
    options = _options()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: sys.exit(128 + number))  # so that what is written below `finally` is done
    skips = []
    try:
        programs = debian.programs(DEBIAN_CACHE)
    except debian.Unavailable as reason:
        programs = None
        skips.append(f"cases with Debian's programs: {reason}")
    chosen = [case for case in all_cases(programs) if fnmatch.fnmatchcase(case.name, options.only)]
    if options.list:
        print("\n".join(case.name for case in chosen))
        return 0

    missing = truth.missing()
    if missing:
        skips.append(f"all {len(chosen)} cases: {missing}")
        chosen = []
    elif not options.truth_only and not os.access(options.ecs_arch, os.X_OK):
        print(f"no program at {options.ecs_arch}: build it with `cargo build --release`, or name it with --ecs-arch", file=sys.stderr)
        return 2

    begin = time.monotonic()
    results = workers.judge_all(chosen, _place(options), options.jobs)
    return _report(results, skips, options.truth_only, time.monotonic() - begin)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 test/ground-truth", description=__doc__.split("\n")[0])
    parser.add_argument(
        "--ecs-arch", default=os.environ.get("ECS_ARCH", ECS_ARCH), help="the program; default $ECS_ARCH, else target/release/ecs-arch"
    )
    parser.add_argument("--list", action="store_true", help="print the cases' names")
    parser.add_argument("--only", metavar="PATTERN", default="*", help="cases whose name matches, as a shell pattern")
    parser.add_argument("--keep", metavar="DIR", help="leave the image layouts in DIR")
    parser.add_argument("--truth-only", action="store_true", help="print the truth; do not ask ecs-arch")
    # More than processors: half of a case's time is waiting for the kernel to make and unmake namespaces.
    parser.add_argument("--jobs", type=int, default=3 * os.cpu_count(), help="cases at one time")
    return parser.parse_args()


def _place(options: argparse.Namespace) -> Workplace:
    scratch = tempfile.mkdtemp(prefix="ecs-arch-ground-truth-")
    return Workplace(
        ecs_arch=None if options.truth_only else os.path.abspath(options.ecs_arch),
        scratch=scratch,
        state=os.path.join(scratch, "runc"),
        keep=os.path.abspath(options.keep) if options.keep else None,
    )


def _report(results: list[Result], skips: list[str], truth_only: bool, seconds: float) -> int:
    if truth_only:
        for result in results:
            print(f"{result.name}\t{result.truth}")
    failures = [result for result in results if result.differences]
    for result in failures:
        print(f"\n{result.name}\n  truth: {result.truth}")
        print("\n".join(f"  {difference}" for difference in result.differences))

    print()
    subjects = collections.Counter(result.name.split("/")[0] for result in results)
    wrong = collections.Counter(result.name.split("/")[0] for result in failures)
    for subject, count in subjects.items():
        print(f"{subject:18} {count - wrong[subject]:5} of {count} agree")
    endings = collections.Counter(f"{r.truth.stage} {r.truth.errno or ''}".strip() for r in results if r.truth)
    print("truths: " + ", ".join(f"{count} {ending}" for ending, count in endings.most_common()))
    still_open = sum(result.open for result in results)
    print(f"{still_open} left open by ecs-arch, where the image alone does not decide")
    print(f"{len(results)} cases in {seconds:.0f} s")

    for skip in skips:
        print(f"skipped {skip}")
    failed = len(failures) + (len(skips) if os.environ.get("CI") == "true" else 0)
    print(f"{len(results) - len(failures)} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
