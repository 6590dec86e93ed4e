"""Every case. A file of this folder is one subject and has a function `cases`; a new subject is one file and one line here."""

from typing import Optional

from cases import (
    commands,
    kinds_in_places,
    layers,
    nested_scripts,
    paths,
    permissions,
    program_interpreters,
    search_path,
    shebangs,
    symbolic_links,
    users,
)
from debian import Programs
from image import Case

SUBJECTS = (
    kinds_in_places,
    program_interpreters,
    shebangs,
    nested_scripts,
    paths,
    search_path,
    users,
    permissions,
    symbolic_links,
    layers,
    commands,
)


def all_cases(programs: Optional[Programs]) -> list[Case]:
    """Every case; without `programs`, those that need none of Debian's."""
    cases = [case for subject in SUBJECTS for case in subject.cases(programs)]
    names = {case.name for case in cases}
    if len(names) != len(cases):
        raise ValueError("two cases have one name")
    return cases
