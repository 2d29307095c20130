#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Count test points in TAP or KTAP, nested ones once, at the leaf.

  ktap.py [-v] [FILE]     read FILE (or standard input), print "P passed, F failed, S skipped"

  -v   also name each failed point

Lines of a kernel log are read past their time stamp. A plan that promises more
points than came, a point with a wrong number, "Bail out!" and input without any
point are failures: silence is not success. A parent that says "not ok" although
all its leaves passed counts as one failure. Exit: 0 all passed, 1 not.
"""

import re
import sys

STAMP = re.compile(r"^(?:<\d+>)?(?:\[[ \d.]+\](?:\[ *[CT]\d+\])? ?)")
PLAN = re.compile(r"^( *)1\.\.(\d+)(?:\s*#\s*(SKIP.*))?", re.I)
POINT = re.compile(r"^( *)(ok|not ok)(?= |$) *(\d*)\s*-?\s*([^#]*?)\s*(?:#\s*(.*))?$")


class Level:
    """What one nesting depth has seen: its plan, its points."""

    def __init__(self, indent):
        self.indent = indent
        self.plan = None
        self.seen = self.number = 0
        self.tally = Tally()

    def close(self, where):
        """Account for what the plan promised and did not come."""
        if self.plan is not None and self.seen < self.plan:
            for number in range(self.seen + 1, self.plan + 1):
                self.tally.fail(f"{where}: point {number} of {self.plan} never came")
        if self.plan is not None and self.seen > self.plan:
            self.tally.fail(f"{where} of {self.plan}, but {self.seen} points came")
        return self.tally


class Tally:
    """Leaves counted, failures named."""

    def __init__(self):
        self.passed = self.skipped = 0
        self.failures = []

    def fail(self, name):
        """One more failure."""
        self.failures.append(name)

    def add(self, other, prefix=""):
        """Take over what a subtest counted."""
        self.passed += other.passed
        self.skipped += other.skipped
        self.failures += [f"{prefix}{name}" for name in other.failures]

    @property
    def points(self):
        """All leaves."""
        return self.passed + self.skipped + len(self.failures)

    def __str__(self):
        return f"{self.passed} passed, {len(self.failures)} failed, {self.skipped} skipped"


def point(level, kids, match):
    """Account for one "ok" or "not ok" line whose subtests were KIDS."""
    _, verdict, number, name, directive = match.groups()
    name, directive = name or "unnamed", (directive or "").strip().upper()
    level.seen += 1
    level.number += 1
    if number and int(number) != level.number:
        level.tally.fail(f"{name}: numbered {number}, expected {level.number}")
        level.number = int(number)
    if kids is not None and kids.points:
        level.tally.add(kids, f"{name}: ")
        if verdict == "not ok" and not kids.failures and not directive.startswith("TODO"):
            level.tally.fail(f"{name}: not ok although its subtests passed")
    elif directive.startswith("SKIP"):
        level.tally.skipped += 1
    elif verdict == "ok":
        level.tally.passed += 1
    elif directive.startswith("TODO"):
        level.tally.skipped += 1
    else:
        level.tally.fail(name)


def parse(lines):
    """Tally of an iterable of lines."""
    levels = [Level(0)]
    for raw in lines:
        line = STAMP.sub("", raw.rstrip("\r\n"))
        match = PLAN.match(line) or POINT.match(line)
        if line.lstrip().startswith("Bail out!"):
            levels[-1].tally.fail(line.strip())
        if not match:
            continue
        indent = len(match.group(1))
        kids = None
        while len(levels) > 1 and levels[-1].indent > indent:
            closed = levels.pop().close("plan")
            if levels[-1].indent < indent:
                levels.append(Level(indent))
            if kids is not None:
                closed.add(kids)
            kids = closed
        if levels[-1].indent < indent:
            levels.append(Level(indent))
        level = levels[-1]
        if match.re is PLAN:
            if kids is not None:
                level.tally.add(kids)
            if level.plan is not None:
                # A second document at the same depth.
                done = level.close("plan")
                levels[-1] = level = Level(indent)
                level.tally.add(done)
            level.plan = int(match.group(2))
            if match.group(3) and level.plan == 0:
                level.tally.skipped += 1
        else:
            point(level, kids, match)
    while len(levels) > 1:
        closed = levels.pop().close("plan")
        closed.fail("output ends inside a subtest")
        levels[-1].tally.add(closed)
    tally = levels[0].close("plan")
    if not tally.points:
        tally.fail("no test point in the output")
    return tally


def main(argv):
    """Command line."""
    args = [a for a in argv[1:] if a != "-v"]
    if any(a.startswith("-") for a in args) or len(args) > 1:
        sys.exit(__doc__)
    if args:
        with open(args[0], errors="replace") as stream:
            tally = parse(stream)
    else:
        sys.stdin.reconfigure(errors="replace")
        tally = parse(sys.stdin)
    if "-v" in argv:
        for name in tally.failures:
            print(f"failed: {name}")
    print(tally)
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
