"""Spreads cases over several processes, and cleans up after them however they end."""

import multiprocessing
import os
import shutil
import signal
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait

import runtime
from image import Case
from judgement import Result, Workplace, judge

# Longer than all the limits within one case together.
SILENCE_SECONDS = 180


def judge_all(cases: Sequence[Case], place: Workplace, count: int) -> list[Result]:
    """The results in the order of the cases. One that got lost with its process is a result too, and no agreement."""
    processes, ends = [], []
    results = {case.name: Result(case.name, None, ["its process ended without a result"]) for case in cases}
    fork = multiprocessing.get_context("fork")
    try:
        for number in range(count):
            end, other_end = fork.Pipe(duplex=False)
            process = fork.Process(target=_work, args=(cases[number::count], place, other_end))
            process.start()
            other_end.close()
            processes.append(process)
            ends.append(end)
        while ends:
            ready = wait(ends, SILENCE_SECONDS)
            if not ready:
                break
            for end in ready:
                try:
                    result = end.recv()
                    results[result.name] = result
                except EOFError:
                    ends.remove(end)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join(SILENCE_SECONDS)
            process.kill()
        _clean(place)
    return list(results.values())


def _work(cases: Sequence[Case], place: Workplace, end: Connection) -> None:
    stop = []
    # Asked to end, a worker finishes its case, so that no container outlives it.
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to all; the parent then asks
    for case in cases:
        if stop:
            return
        end.send(judge(case, place))


def _clean(place: Workplace) -> None:
    if os.path.isdir(place.state):
        for container in os.listdir(place.state):
            runtime.delete(container, place.state)
    shutil.rmtree(place.scratch, ignore_errors=True)
