#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Tests of the workbench itself, as TAP: stack, the KTAP reader, splats, make.

  tests/tools_test.py [NAME...]

No kernel is built or booted: a source tree of five files stands for Linux, and
recorded logs for guests. Exit: 0 all passed, 1 not.
"""

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import textwrap
import traceback
from pathlib import Path

import ktap

ROOT = Path(__file__).resolve().parent.parent
LINES = "".join(f"line {i}\n" for i in range(1, 41))
SOURCE = {"Makefile": "all:\n", "net/core/skbuff.c": LINES, "net/core/sock.c": LINES,
          "mm/swap.c": LINES,
          "scripts/get_maintainer.pl": "#!/bin/sh\necho netdev@vger.kernel.org\n"}
BASE = "package: linux-source-none\nversion: 6.12.1-1\nsha256: {}\ntree: unknown\n"


def sh(*args, env=None, cwd=ROOT):
    """(status, output and errors) of a command."""
    res = subprocess.run(args, cwd=cwd, env={**os.environ, **(env or {})}, check=False,
                         stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return res.returncode, res.stdout + res.stderr


def want(text, part):
    """PART must be in TEXT."""
    assert part in text, f"wanted {part!r} in:\n{text}"


class Bench:
    """A project folder of its own, with a small source tarball."""

    def __init__(self, top):
        self.top = Path(top)
        self.root = self.top / "project"
        self.tree = self.root / "build/linux"
        self.patches = self.root / "patches/6.12"
        self.patches.mkdir(parents=True)
        self.tarball = self.pack(SOURCE, "a.tar.xz")
        self.version = "6.12.1-1"
        self.run("git", "init", "-q", ".", cwd=self.root)
        self.run("git", "config", "user.name", "Test", cwd=self.root)
        self.run("git", "config", "user.email", "test@example.org", cwd=self.root)
        self.write(".gitignore", "/build/\n")
        sha = sh("sha256sum", str(self.tarball))[1].split()[0]
        self.write("patches/6.12/BASE", BASE.format(sha))
        self.write("patches/6.12/cover-letter.md", "# net: a thing\n\nWhy.\n")

    @staticmethod
    def run(*args, cwd):
        """A command that must succeed."""
        status, text = sh(*args, cwd=cwd)
        assert status == 0, text

    def pack(self, files, name):
        """A source tarball of FILES."""
        path = self.top / name
        with tarfile.open(path, "w:xz", preset=0) as tar:
            for file, text in files.items():
                info = tarfile.TarInfo(f"linux-source/{file}")
                info.size, info.mode = len(text), 0o755 if file.endswith(".pl") else 0o644
                tar.addfile(info, io.BytesIO(text.encode()))
        return path

    def write(self, path, text):
        """A file of the project."""
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def stack(self, *args, env=None, status=0):
        """Run the tool; its output."""
        got, text = sh(str(ROOT / "patches/stack"), *args,
                       env={"STACK_ROOT": str(self.root), "KTREE": str(self.tree),
                            "KTARBALL": str(self.tarball), "KVERSION": self.version,
                            "KBASE": "6.12", "STACK_DISK_GIB": "0", **(env or {})})
        assert got == status, f"stack {args}: exit {got}, wanted {status}:\n{text}"
        return text

    def edit(self, path, old, new):
        """Change a file of the kernel tree."""
        file = self.tree / path
        text = file.read_text()
        assert old in text, f"{old!r} not in {path}"
        file.write_text(text.replace(old, new))

    def two_patches(self):
        """Two patches, both with a hunk in sock.c, one with an overlay file."""
        self.write("net/core/nta/core.c", "/* SPDX */\nint nta;\n")
        self.write("tools/nta/model.c", "int model;\n")
        self.write("patches/6.12/series", "!tools/nta/\n0001-net-first.patch\n"
                   "\tnet/core/nta/\n")
        self.stack("tree", status=1)  # no patch file yet
        self.edit("net/core/skbuff.c", "line 5\n", "line five\n")
        self.edit("net/core/sock.c", "line 5\n", "line five\n")
        self.stack("refresh", "0001-net-first.patch")
        series = self.patches / "series"
        series.write_text(series.read_text() + "0002-net-second.patch\n")
        self.edit("net/core/sock.c", "line 30\n", "line thirty\n")
        self.edit("mm/swap.c", "line 9\n", "line nine\n")
        self.stack("refresh", "0002-net-second.patch")
        self.stack("tree")


def with_bench(func):
    """Give FUNC a Bench that goes away afterwards."""
    def test():
        top = tempfile.mkdtemp(prefix="tools_test.")
        try:
            func(Bench(top))
        finally:
            shutil.rmtree(top)
    test.__name__, test.__doc__ = func.__name__, func.__doc__
    return test


@with_bench
def stack_makes_a_tree(b):
    """Source imported, hooks applied, overlay linked file by file, exclusions kept out."""
    b.two_patches()
    want((b.tree / "net/core/sock.c").read_text(), "line five")
    want((b.tree / "net/core/sock.c").read_text(), "line thirty")
    link = b.tree / "net/core/nta/core.c"
    assert link.is_symlink() and not link.parent.is_symlink()
    assert not (b.tree / "tools").exists()
    want(b.stack("check"), "ok: 2 patches, 1 overlay files, tree == series")


@with_bench
def stack_tree_from_patches_alone(b):
    """A tree made anew from the patch files is the same, and so are the mails."""
    b.two_patches()
    b.stack("export", str(b.top / "one"))
    shutil.rmtree(b.tree)
    b.stack("tree")
    b.stack("export", str(b.top / "two"))
    mails = sorted(p.name for p in (b.top / "one").glob("000[12]*"))
    assert len(mails) == 2, mails
    for name in mails:
        assert (b.top / "one" / name).read_bytes() == (b.top / "two" / name).read_bytes(), name
    cover = next((b.top / "one").glob("0000-*")).read_text()
    want(cover, "Subject: [PATCH net-next 0/2] net: a thing")
    want(cover, "Why.")
    want((b.top / "one/recipients").read_text(), "netdev@")
    want((b.top / "one" / mails[0]).read_text(), "net/core/nta/core.c")


@with_bench
def stack_touches_only_what_changed(b):
    """A changed patch rewrites its own files; the others keep their time stamps."""
    b.two_patches()
    for path in ("net/core/skbuff.c", "net/core/sock.c", "mm/swap.c", "Makefile"):
        os.utime(b.tree / path, (1, 1))
    patch = b.patches / "0002-net-second.patch"
    patch.write_text(patch.read_text().replace("line nine", "line NINE"))
    b.stack("tree")
    want((b.tree / "mm/swap.c").read_text(), "line NINE")
    for path in ("net/core/skbuff.c", "net/core/sock.c", "Makefile"):
        assert os.stat(b.tree / path).st_mtime == 1, f"{path} was rewritten"


@with_bench
def stack_refresh_finds_the_owner(b):
    """One owner: folded in, others untouched, no file of the tree rewritten."""
    b.two_patches()
    first = (b.patches / "0001-net-first.patch").read_bytes()
    b.edit("mm/swap.c", "line nine", "line niner")
    os.utime(b.tree / "mm/swap.c", (7, 7))
    b.stack("refresh")
    assert (b.patches / "0001-net-first.patch").read_bytes() == first
    want((b.patches / "0002-net-second.patch").read_text(), "+line niner")
    assert os.stat(b.tree / "mm/swap.c").st_mtime == 7
    b.stack("check")


@with_bench
def stack_refresh_asks(b):
    """Two owners or none: it stops, names them; with a name it folds in."""
    b.two_patches()
    b.edit("net/core/sock.c", "line 17\n", "line seventeen\n")
    text = b.stack("refresh", status=1)
    want(text, "net/core/sock.c belongs to 0001-net-first.patch and 0002-net-second.patch")
    b.stack("refresh", "0001-net-first.patch")
    want((b.patches / "0001-net-first.patch").read_text(), "+line seventeen")
    assert "+line seventeen" not in (b.patches / "0002-net-second.patch").read_text()
    b.stack("check")
    b.edit("Makefile", "all:", "all: x")
    want(b.stack("refresh", status=1), "belongs to no patch yet")
    b.stack("refresh", "0002-net-second.patch")
    want((b.patches / "0002-net-second.patch").read_text(), "+all: x")
    want(b.stack("refresh", "0009-none.patch", status=1), "is not in")


@with_bench
def stack_refresh_conflict_keeps_all(b):
    """An edit on another patch's line is refused, and nothing is lost."""
    b.two_patches()
    before = {p.name: p.read_bytes() for p in b.patches.iterdir()}
    b.edit("net/core/sock.c", "line thirty\n", "line THIRTY\n")
    want(b.stack("refresh", "0001-net-first.patch", status=1), "overlaps another patch")
    assert before == {p.name: p.read_bytes() for p in b.patches.iterdir()}
    want((b.tree / "net/core/sock.c").read_text(), "line THIRTY")


@with_bench
def stack_check_notices(b):
    """Unrefreshed edits, unclaimed, doubly claimed and missing files fail the check."""
    b.two_patches()
    b.edit("mm/swap.c", "line 1\n", "line one\n")
    want(b.stack("check", status=1), "unrefreshed edits")
    b.stack("refresh")
    b.write("kernel/new.c", "int x;\n")
    want(b.stack("check", status=1), "kernel/new.c is claimed by no patch")
    series = b.patches / "series"
    good = series.read_text()
    series.write_text(good + "\tkernel/new.c\n\tnet/core/nta/core.c\n")
    want(b.stack("check", status=1), "net/core/nta/core.c is claimed by 0001")
    series.write_text(good + "\tkernel/new.c\n")
    want(b.stack("check", status=1), "run `make tree`")
    b.stack("link")
    b.stack("check")
    want(b.stack("whose", "kernel/new.c"), "0002-net-second.patch")
    want(b.stack("whose", "net/core/skbuff.c"), "0001-net-first.patch")
    (b.root / "kernel/new.c").unlink()
    want(b.stack("check", status=1), "claims kernel/new.c, which does not exist")
    b.stack("link")
    assert not (b.tree / "kernel").exists()


@with_bench
def stack_overlay_never_hides_a_kernel_file(b):
    """An overlay file where the kernel has one is refused."""
    b.two_patches()
    b.write("net/core/sock.c", "mine\n")
    want(b.stack("link", status=1), "net/core/sock.c exists in the kernel")
    want((b.tree / "net/core/sock.c").read_text(), "line five")


@with_bench
def stack_edits_survive_a_patch_change(b):
    """Patch files changed while the tree has edits: refused, both kept."""
    b.two_patches()
    b.edit("mm/swap.c", "line 1\n", "line one\n")
    patch = b.patches / "0001-net-first.patch"
    patch.write_text(patch.read_text().replace("+line five", "+line 5.5"))
    want(b.stack("tree", status=1), "has edits in mm/swap.c")
    want((b.tree / "mm/swap.c").read_text(), "line one")


@with_bench
def stack_next_point_release(b):
    """Another base: said; moved hooks apply, a lost one names patch and file."""
    b.two_patches()
    moved = {**SOURCE, "mm/swap.c": "new 1\nnew 2\n" + LINES}
    b.tarball, b.version = b.pack(moved, "b.tar.xz"), "6.12.2-1"
    text = b.stack("tree")
    want(text, "base is 6.12.2-1, series was made on 6.12.1-1")
    want((b.tree / "mm/swap.c").read_text(), "new 2\nline 1\n")
    want((b.tree / "mm/swap.c").read_text(), "line nine")
    lost = {**SOURCE, "mm/swap.c": "all is new\n"}
    b.tarball, b.version = b.pack(lost, "c.tar.xz"), "6.12.3-1"
    text = b.stack("tree", status=1)
    want(text, "0002-net-second.patch: the hook in mm/swap.c does not apply to 6.12.3-1")
    want(text, "series made on 6.12.1-1")
    assert (b.patches / "0002-net-second.patch").is_file()


@with_bench
def stack_bad_luck_is_one_line(b):
    """No disk space, no package, a broken tarball, an unknown base: one clear line each."""
    b.write("patches/6.12/series", "")
    want(b.stack("tree", env={"STACK_DISK_GIB": "1000000000"}, status=1), "free some space")
    want(b.stack("tree", env={"KTARBALL": ""}, status=1), "run `tests/deps build`")
    want(b.stack("check", status=1), "run `make tree`")
    want(b.stack("tree", env={"KBASE": "9.9"}, status=1), "KBASE=9.9 is not a base")
    good, b.tarball = b.tarball, b.top / "broken.tar.xz"
    b.tarball.write_bytes(good.read_bytes()[:-200])
    text = b.stack("tree", status=1)
    want(text, "cannot import")
    assert "Traceback" not in text, text
    assert not b.tree.exists()
    b.tarball = good
    b.stack("tree")


def tally(text):
    """What the reader counts."""
    return str(ktap.parse(io.StringIO(text)))


def ktap_counts_leaves():
    """Nested points count once; SKIP and TODO are told apart; stamps are ignored."""
    text = """[    1.2] KTAP version 1
[    1.2] 1..2
[    1.2]     KTAP version 1
[    1.2]     # Subtest: nta_chunk
[    1.2]     1..3
[    1.2]     ok 1 a
[    1.2]         KTAP version 1
[    1.2]         ok 1 x=1
[    1.2]         ok 2 x=2
[    1.2]     ok 2 p
[    1.2]     ok 3 c # SKIP no numa
[    1.2] ok 1 nta_chunk
[    1.2]     1..2
[    1.2]     ok 1 a
[    1.2]     not ok 2 b
[    1.2] not ok 2 other
"""
    assert tally(text) == "4 passed, 1 failed, 1 skipped", tally(text)
    assert tally("ok 1 - a\nnot ok 2 - b # TODO x\n1..2\n") == "1 passed, 0 failed, 1 skipped"
    two = "1..1\nok 1 a\n1..2\nok 1 a\nok 2 b\n"
    assert tally(two) == "3 passed, 0 failed, 0 skipped", tally(two)


def ktap_missing_is_failed():
    """Truncated plans, silence, bail-outs, wrong numbers and lying parents fail."""
    assert tally("") == "0 passed, 1 failed, 0 skipped"
    assert tally("all fine\n") == "0 passed, 1 failed, 0 skipped"
    assert tally("1..3\nok 1 a\nok 2 b\n") == "2 passed, 1 failed, 0 skipped"
    assert tally("1..1\n    1..2\n    ok 1 z\n").startswith("1 passed, 3 failed")
    assert tally("1..2\nok 1 a\nBail out! x\n") == "1 passed, 2 failed, 0 skipped"
    assert tally("1..2\nok 1 a\nok 3 b\n").startswith("2 passed, 1 failed")
    assert tally("1..1\nok 1 a\nok 2 b\n") == "2 passed, 1 failed, 0 skipped"
    assert tally("1..1\nok 1 a\nok: 3 = 2 + 1\nokay 2\n") == "1 passed, 0 failed, 0 skipped"
    lying = "1..1\n    1..1\n    ok 1 a\nnot ok 1 parent\n"
    assert tally(lying) == "1 passed, 1 failed, 0 skipped", tally(lying)


def splats(log, expected=""):
    """What tests/vm finds in a kernel log."""
    with tempfile.TemporaryDirectory() as tmp:
        Path(tmp, "log").write_text(log)
        script = f'. tests/vm; expected=$1; splats {tmp} {tmp}/log'
        status, text = sh("bash", "-c", script, "vm", expected)
        assert status == 0, text
        return text.splitlines()


def vm_finds_splats():
    """Each kind of report is found past its time stamp, and only those."""
    bad = ["WARNING: CPU: 1 PID: 9 at net/core/nta/core.c:5 nta_free+0x1/0x2",
           "BUG: KASAN: slab-use-after-free in x", "kernel BUG at mm/slub.c:1!",
           "INFO: task ab:1 blocked for more than 120 seconds.",
           "rcu: INFO: rcu_preempt self-detected stall on CPU",
           "UBSAN: shift-out-of-bounds in net/x.c:1:2",
           "Oops: general protection fault, probably for non-canonical address",
           "BUG: unable to handle page fault for address: ffff", "WARNING: suspicious RCU usage",
           "BUG kmalloc-64 (Tainted: G B): Redzone overwritten",
           "kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)",
           "unregister_netdevice: waiting for veth0 to become free. Usage count = 2",
           "Kernel panic - not syncing: x", "ODEBUG: free active (active state 0)",
           "list_add corruption. next->prev should be prev"]
    for line in bad:
        for stamp in ("[    1.234567] ", "[  101.5][  T123] ", ""):
            found = splats(f"[    0.1] all well\n{stamp}{line}\r\n[ 2.0] more\n")
            assert found == [f"2:{line}"], (line, found)
    good = ("[    0.1] Command line: x\n[    0.2] ACPI: BUG-free\n[ 1.0] debug: warnings on\n"
            "[    1.1] rcu: RCU restricting CPUs\n[    1.2] kmemleak: Kernel memory leak detector "
            "initialized\n[    1.3] UBSAN_BOUNDS on\n")
    assert splats(good) == [], splats(good)


def vm_expects_a_splat():
    """-s takes out what a run provokes, and nothing else."""
    log = "[ 1.0] WARNING: CPU: 0 PID: 1 at a.c:1 x\n[ 2.0] WARNING: CPU: 0 PID: 1 at b.c:2 y\n"
    assert splats(log, r"at a\.c:") == ["2:WARNING: CPU: 0 PID: 1 at b.c:2 y"]


def vm_says_what_is_missing():
    """No kernel, no command: a status of its own and what to do."""
    status, text = sh("tests/vm", "-k", "/nonexistent", "--", "true")
    assert status == 125, status
    want(text, "run make kernel")
    assert sh("tests/vm")[0] == 2
    assert sh("tests/vm", "-X", "--", "true")[0] == 2


def make_names_mistakes():
    """A misspelt variable or target is one clear message."""
    status, text = sh("make", "boot", "CDM=x")
    assert status == 2, status
    want(text, "unknown variable CDM; did you mean CMD?")
    status, text = sh("make", "help", "FLAVOUR=x")
    want(text, "unknown variable FLAVOUR; known: CMD")
    status, text = sh("make", "kernle")
    assert status == 2, status
    want(text, "no target kernle; make help lists them")
    status, text = sh("make", "modules", "KDIR=/nonexistent")
    assert status == 2, status
    want(text, "modules: n")
    status, text = sh("make", "help")
    assert status == 0, status
    for target in ("demo", "test", "kernel", "boot", "series", "bench", "deb"):
        want(text, f"  {target} ")


# Commands for a shell, with signs that make or a list of words might change.
COMMANDS = ("ls -l /; echo hi", "a=b echo $a ${a} $(uname) `uname`", "echo \"x y\" 'q' | cat",
            "echo # no comment", "echo a\\b % \\ c", "test 1 = 1 && echo -n x=y", "echo $$ $(( 1 + 2 ))",
            "one\ntwo", ":", "-l")


def make_boot_passes_any_command():
    """CMD arrives in the guest's command line as it was typed."""
    with tempfile.TemporaryDirectory() as top:
        shutil.copy(ROOT / "Makefile", top)
        for stub in ("patches/stack", "tests/deps", "tests/kernel", "tests/mkroot", "tests/boot"):
            path = Path(top) / stub
            path.parent.mkdir(exist_ok=True)
            path.write_text("#!/bin/sh\n" + ("printf '%s|' \"$CMD\"\n" if stub == "tests/boot" else ""))
            path.chmod(0o755)
        for command in COMMANDS:
            for target in ("boot", "debug-boot"):
                status, text = sh("make", target, f"CMD={command}", cwd=top)
                assert status == 0, text
                assert text == command + "|", f"typed {command!r}, got {text!r}"
                status, text = sh("make", target, cwd=top, env={"CMD": command})
                assert text == command + "|", f"in the environment {command!r}, got {text!r}"
        (Path(top) / "tests/boot").write_text("#!/bin/sh\nprintf '<%s>' \"$@\"\n")
        status, text = sh("make", "boot", "VM=-a 'x=$y z' -m 64", cwd=top)
        assert text == "<fast><-a><x=$y z><-m><64>", text
        status, text = sh("make", "boot", "CMD=-l x", "CDM=-l /; x=y", cwd=top)
        assert status == 2, status
        want(text, "unknown variable CDM; did you mean CMD?")


def deps_wrong_call():
    """An unknown group is refused, not ignored."""
    assert sh("tests/deps", "-n", "nothing")[0] == 2
    assert sh("tests/deps")[0] == 2


def mkconfig_wants_all():
    """A demand that Kconfig knows and does not grant is an error; an unknown one is named."""
    with tempfile.TemporaryDirectory() as tmp:
        tree, out = Path(tmp, "tree"), Path(tmp, "out")
        for folder in ("net", "arch/x86"):
            (tree / folder).mkdir(parents=True)
        (tree / "arch/Kconfig").write_text("config ARCH\n")
        (tree / "net/Kconfig").write_text("config GRANTED\n\tbool\nmenuconfig REFUSED\n")
        (tree / "Makefile").write_text(
            "allnoconfig:\n\tmkdir -p $(O)\n\tgrep -vE 'REFUSED|LATER' $(KCONFIG_ALLCONFIG) > $(O)/.config\n")
        fragment = Path(tmp, "f.config")
        fragment.write_text("CONFIG_GRANTED=y\nCONFIG_LATER=y\n# CONFIG_OFF is not set\n")
        status, text = sh("tests/mkconfig", str(tree), str(out), str(fragment))
        assert status == 0, text
        want(text, "CONFIG_LATER is not in this tree")
        want((out / ".config").read_text(), "CONFIG_GRANTED=y")
        fragment.write_text("CONFIG_GRANTED=y\nCONFIG_REFUSED=y\n")
        status, text = sh("tests/mkconfig", str(tree), str(out), str(fragment))
        assert status == 1, text
        want(text, "CONFIG_REFUSED: asked for y, got n")


def readme_shows_the_example():
    """README.md has tools/kevent/examples/watch.c, which is compiled, word for word."""
    source = (ROOT / "tools/kevent/examples/watch.c").read_text()
    code = textwrap.indent(source[source.index("#include"):].expandtabs(4), "    ")
    want((ROOT / "README.md").read_text(), code)


def kevent_report_says_what_was_measured():
    """tests/bench/report_kevent.py: figures above the floor, medians, aims met and missed."""
    with tempfile.TemporaryDirectory() as top:
        raw = Path(top) / "raw"
        raw.mkdir()
        runs = []
        for engine, ticks in (("none", 1000), ("epoll", 1400), ("io_uring-defer", 1300),
                              ("kevent-wait", 1320), ("kevent-ring", 1160)):
            for turn, more in enumerate((0, 5, 50)):
                run = {"engine": engine, "kind": "pipe", "mode": "et", "channels": 100,
                       "active": 10, "threads": 1, "consumers": 1, "idle": 0, "events": 10,
                       "spurious": 0, "ticks": 10 * (ticks + more), "events_per_s": 1}
                runs.append(f"kevent events {turn} {json.dumps(run)}\n")
        (raw / "kevent-cost.txt").write_text("ok: not of the bench\n" + "".join(runs))
        status, text = sh("tests/bench/report_kevent.py", str(raw), top)
        assert status == 0, text
        want(text, "met    mapped ring, edge: at most 0.5 of epoll ET: 0.40")
        want(text, "MISSED mapped ring, edge: at most 0.5 of io_uring multishot DEFER: 0.53")
        want(text, "MISSED one wait per batch, edge: at most 0.75 of epoll ET: 0.80")
        rows = json.loads((Path(top) / "bench-kevent.json").read_text())["events"]
        assert {row["engine"]: row["above"] for row in rows}["kevent-ring"] == 160
        want((Path(top) / "bench-kevent.md").read_text(), "| pipes, 10 | 400 | 300 | - | 320 | 160 | 0.40 | **0.53** |")
        (raw / "kevent-cost.txt").unlink()
        assert sh("tests/bench/report_kevent.py", str(raw), top)[0] == 1


TESTS = (stack_makes_a_tree, stack_tree_from_patches_alone, stack_touches_only_what_changed,
         stack_refresh_finds_the_owner, stack_refresh_asks, stack_refresh_conflict_keeps_all,
         stack_check_notices, stack_overlay_never_hides_a_kernel_file,
         stack_edits_survive_a_patch_change, stack_next_point_release,
         stack_bad_luck_is_one_line, ktap_counts_leaves, ktap_missing_is_failed,
         vm_finds_splats, vm_expects_a_splat, vm_says_what_is_missing, make_names_mistakes,
         make_boot_passes_any_command, deps_wrong_call, mkconfig_wants_all,
         readme_shows_the_example, kevent_report_says_what_was_measured)


def main(argv):
    """Run the chosen tests, print TAP."""
    chosen = [t for t in TESTS if not argv[1:] or t.__name__ in argv[1:]]
    if not chosen:
        sys.exit("tools_test: no such test; there are " + " ".join(t.__name__ for t in TESTS))
    print(f"TAP version 13\n1..{len(chosen)}")
    bad = 0
    for number, test in enumerate(chosen, 1):
        try:
            test()
            print(f"ok {number} {test.__name__}", flush=True)
        except Exception:  # pylint: disable=broad-except
            bad = 1
            for line in traceback.format_exc().splitlines():
                print(f"# {line}")
            print(f"not ok {number} {test.__name__}", flush=True)
    return bad


if __name__ == "__main__":
    # The caller's choices must not reach the tools under test.
    for key in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "KTREE", "KBASE", "KTARBALL", "CMD"):
        os.environ.pop(key, None)
    sys.exit(main(sys.argv))
