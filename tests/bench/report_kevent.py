#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Make a report of what tests/bench/run measured of kevent.

    tests/bench/report_kevent.py RAWDIR OUTDIR

RAWDIR holds the raw lines of the guests, each file optional:

    kevent-cost.txt         tests/bench/guest/kevent_cost under -icount
    kevent-tcg.txt          the same by the wall clock
    conditions.txt host.txt         "key value" lines

Writes bench-kevent.json, bench-kevent.txt, bench-kevent.png (with gnuplot) and
bench-kevent.md, the tables of README.md, to OUTDIR and prints the text. A missing
file is a missing section. Exit: 0 done, 1 nothing to report.
"""

import json
import sys
import textwrap
from collections import defaultdict
from pathlib import Path
from statistics import median

from report import NTA, OTHER, STOCK, Bench, lines, spread

# As columns, as people say it, and the bar's colour.
ENGINES = {"none": ("none", "no notification", "#d0cec6"),
           "epoll": ("epoll", "epoll", STOCK),
           "io_uring": ("uring", "io_uring", "#e3b7a0"),
           "io_uring-coop": ("COOP", "io_uring COOP", "#eb9a78"),
           "io_uring-defer": ("DEFER", "io_uring DEFER", "#eb6834"),
           "kevent": ("get", "kevent_get_events()", "#9cc3f0"),
           "kevent-user": ("user ring", "ring in process memory", "#5d9de3"),
           "kevent-wait": ("wait", "one kevent_wait() a batch", OTHER),
           "kevent-ring": ("ring", "mapped ring", NTA)}
KINDS = {"pipe": "pipes", "unix": "unix sockets", "inet": "TCP"}
MODES = {"et": "edge", "lt": "level"}
CHANGES = ("add", "modify", "remove")
# The notes of 2006: 2000 TCP sockets, a writer and a reader.
NOTES = {"et": {"none": 88482, "epoll": 71000, "kevent-ring": 78265},
         "lt": {"none": 88482, "epoll": 57428, "kevent-ring": 59794}}


def load(path):
    """{what: {case: [one object a round]}}, a case being all that names a run"""
    found = defaultdict(lambda: defaultdict(list))
    for line in lines(path):
        if not line.startswith("kevent "):
            continue
        _, what, _, text = line.split(" ", 3)
        run = json.loads(text)
        case = tuple(run.get(key) for key in (
            "engine", "kind", "mode", "channels", "active", "threads", "consumers", "idle", "ctl"))
        found[what][case].append(run)
    return found


def case_of(engine, kind, mode, channels, active, threads=1, consumers=1, idle=0):
    """The key of a run that measured events."""
    return (engine, kind, mode, channels, active, threads, consumers, idle, None)


def per_event(runs):
    """Instructions, and nothing else."""
    return [run["ticks"] / run["events"] for run in runs]


def ratio(value, other):
    """As text; what is better than nothing at all has none."""
    return f"{value / other:.2f}" if other > 0 else "-"


def bold(share, limit):
    """What is more than was aimed at stands out."""
    return f"**{share}**" if share != "-" and float(share) > limit else share


class Kevent(Bench):
    """Everything that was measured, and the report's sections."""

    how = "one processor, engines in turn in one boot"
    bar_key = "offsets 0,0,graph 0.45,0\nset key top left vertical maxrows 4 font 'Sans,9'"

    def __init__(self, raw):
        super().__init__(raw)
        self.cost = load(raw / "kevent-cost.txt")
        self.wall = load(raw / "kevent-tcg.txt")

    def head(self):
        self.title("kevent against epoll and io_uring")
        self.mitigations()
        self.say("Instructions: qemu -icount shift=0, one processor, kernel and program of both sides;")
        self.say("engines in turn in one boot, rounds one after the other, median of the rounds. They are")
        self.say("not cycles: no cache misses, a locked operation counts as one. In a round the active")
        self.say("channels are written to, a byte each, and read when the engine has told of them; the")
        self.say("next round has the next channels. Above: what is left when the same writes and reads")
        self.say("without notification are taken off.")
        self.say("io_uring: a multishot poll; Linux 6.12 refuses level-triggered multishot, so in level")
        self.say("mode a poll of one shot, armed again in the call that waits.")
        self.say()

    # -- one event --------------------------------------------------------------

    def above(self, what, case):
        """Instructions above the floor of the same case, or None."""
        found = self.cost[what]
        floor = found.get(("none",) + case[1:])
        runs = found.get(case)
        if not runs or not floor:
            return None
        return median(per_event(runs)) - median(per_event(floor))

    def shapes(self):
        """(kind, mode, channels, active) of one thread, in order"""
        return list(dict.fromkeys(case[1:5] for case in self.cost["events"]))

    def event_rows(self):
        rows = []
        for case, runs in self.cost["events"].items():
            rows.append({
                "engine": case[0], "kind": case[1], "mode": case[2], "channels": case[3],
                "active": case[4], "instructions": spread(per_event(runs)),
                "above": self.above("events", case), "spurious": sum(r["spurious"] for r in runs),
                "per_second": median(r["events_per_s"] for r in runs)})
        return rows

    def events(self):
        rows = self.event_rows()
        if not rows:
            return
        self.json["events"] = rows
        names = [name for name in ENGINES if name != "none"]
        for mode, word in MODES.items():
            self.say(f"instructions per event above none, {word}-triggered, one thread")
            self.say(f"{'':>5} {'channels':>8} {'active':>6} {'none':>7}" +
                     "".join(f" {ENGINES[n][0]:>9}" for n in names))
            for kind, its_mode, channels, active in self.shapes():
                if its_mode != mode:
                    continue
                floor = median(per_event(self.cost["events"][case_of("none", kind, mode, channels, active)]))
                line = f"{kind:>5} {channels:>8} {active:>6} {floor:>7.0f}"
                for name in names:
                    value = self.above("events", case_of(name, kind, mode, channels, active))
                    line += f" {value:>9.0f}" if value is not None else f" {'-':>9}"
                self.say(line)
            self.say()
        scatter = max(rows, key=lambda r: r["instructions"]["max"] - r["instructions"]["min"])
        much = scatter["instructions"]["max"] - scatter["instructions"]["min"]
        self.say(f"rounds differ by at most {much:.0f} instructions per event ({scatter['engine']}, {scatter['kind']}, "
                 f"{scatter['channels']} channels, {scatter['active']} active)")
        self.say()
        self.ratios()

    def shares(self, engine, mode, peer, peer_mode):
        """(ratio, shape) of each shape that both were measured in."""
        found = []
        for kind, its_mode, channels, active in self.shapes():
            own = self.above("events", case_of(engine, kind, mode, channels, active))
            other = self.above("events", case_of(peer, kind, peer_mode, channels, active))
            if its_mode == mode and own is not None and other:
                found.append((own / other, f"{KINDS[kind]}, {channels} channels, {active} active"))
        return found

    def ratios(self):
        self.say("share of its peer's instructions above none")
        self.say(f"{'':>5} {'channels':>8} {'active':>6} {'ring/epoll ET':>14} {'ring/DEFER':>11} "
                 f"{'wait/epoll ET':>14} {'wait/epoll LT':>14} {'get/epoll ET':>13} {'get/epoll LT':>13}")
        pairs = (("kevent-ring", "et", "epoll", 14), ("kevent-ring", "et", "io_uring-defer", 11),
                 ("kevent-wait", "et", "epoll", 14), ("kevent-wait", "lt", "epoll", 14),
                 ("kevent", "et", "epoll", 13), ("kevent", "lt", "epoll", 13))
        for kind, mode, channels, active in self.shapes():
            if mode != "et":
                continue
            line = f"{kind:>5} {channels:>8} {active:>6}"
            for engine, own_mode, peer, width in pairs:
                own = self.above("events", case_of(engine, kind, own_mode, channels, active))
                other = self.above("events", case_of(peer, kind, own_mode, channels, active))
                line += f" {ratio(own, other) if None not in (own, other) else '-':>{width}}"
            self.say(line)
        self.say()
        reach = (("kevent-ring", "et", "epoll", "et", 0.5, "mapped ring, edge: at most 0.5 of epoll ET"),
                 ("kevent-ring", "et", "io_uring-defer", "et", 0.5,
                  "mapped ring, edge: at most 0.5 of io_uring multishot DEFER"),
                 ("kevent-ring", "lt", "epoll", "et", 0.5, "mapped ring, level: at most 0.5 of epoll ET"),
                 ("kevent-ring", "lt", "io_uring-defer", "et", 0.5,
                  "mapped ring, level: at most 0.5 of io_uring multishot DEFER"),
                 ("kevent-wait", "et", "epoll", "et", 0.75, "one wait per batch, edge: at most 0.75 of epoll ET"),
                 ("kevent-wait", "lt", "epoll", "lt", 0.75, "one wait per batch, level: at most 0.75 of epoll LT"))
        for engine, mode, peer, peer_mode, limit, what in reach:
            found = self.shares(engine, mode, peer, peer_mode)
            if found:
                within = sum(share <= limit for share, _ in found)
                self.target(what, limit, max(found)[0],
                            where=f"{max(found)[1]}; {within} of {len(found)} shapes are within")

    # -- several threads ----------------------------------------------------------

    def thread_rows(self, found):
        return [{"engine": case[0], "kind": case[1], "mode": case[2], "channels": case[3],
                 "active": case[4], "consumers": case[6],
                 "per_second": spread([r["events_per_s"] for r in runs]),
                 "spurious": sum(r["spurious"] for r in runs) / sum(r["events"] for r in runs)}
                for case, runs in found.items()]

    def threads(self):
        for key, found, what in (
                ("threads", self.cost["threads"], "guest seconds of 1e9 instructions, one processor"),
                ("threads_wall", self.wall["threads"],
                 "plain emulation (TCG, 2 processors): wall clock, so it scatters")):
            if not found:
                continue
            rows = self.json[key] = self.thread_rows(found)
            self.say(f"events per second, a writer and 1, 2 or 4 readers; {what}")
            self.say("(without notification each reader sleeps in read() of the channel whose turn it is;")
            self.say("the writer waits for the readers once a round; a ring of io_uring has one reader;")
            self.say("+: more than 0.1 false wake-ups an event)")
            self.say(f"{'':>5} {'mode':>5} {'readers':>7} {'active':>6}" +
                     "".join(f" {e[0]:>9}" for e in ENGINES.values()))
            for shape in dict.fromkeys(case[1:7] for case in found):
                kind, mode, _, active, _, consumers = shape
                line = f"{kind:>5} {MODES[mode]:>5} {consumers:>7} {active:>6}"
                for name in ENGINES:
                    row = [r for r in rows if (r["engine"], r["kind"], r["mode"], r["active"], r["consumers"]) ==
                           (name, kind, mode, active, consumers)]
                    line += (f" {row[0]['per_second']['median']:>8.0f}" +
                             ("+" if row[0]["spurious"] > 0.1 else " ") if row else f" {'-':>8} ")
                self.say(line)
            self.say()
        self.notes()

    def notes(self):
        """The lines of 2006 beside ours of their shape: TCP, a writer and a reader."""
        rows = [r for r in self.json.get("threads", []) if (r["kind"], r["consumers"]) == ("inet", 1)]
        if not rows:
            return
        active = max(r["active"] for r in rows)
        self.say(f"as the notes of 2006 state it: {2 * rows[0]['channels']} TCP sockets, a writer and a reader, events/s")
        self.say("(theirs: a Xeon of 2.4 GHz; ours: guest seconds of 1e9 instructions; "
                 f"{active} written to per round)")
        for mode, then in NOTES.items():
            now = {r["engine"]: r["per_second"]["median"] for r in rows
                   if (r["mode"], r["active"]) == (mode, active)}
            self.say(f"  {MODES[mode]:>5}: " + "; ".join(
                f"{ENGINES[n][1]} {now[n]:.0f} (then {then[n]})" for n in then if n in now) +
                "".join(f"; {ENGINES[n][1]} {now[n]:.0f}" for n in ("io_uring-defer", "kevent-wait") if n in now))
        self.say()

    # -- registering ----------------------------------------------------------------

    def ctl(self):
        rows = []
        for case, runs in self.cost["ctl"].items():
            rows.append({"engine": case[0], "kind": case[1], "at_once": case[8],
                         **{c: spread([r[c + "_ticks"] for r in runs]) for c in CHANGES}})
        if not rows:
            return
        self.json["ctl"] = rows
        by = {(r["engine"], r["kind"], r["at_once"]): r for r in rows}
        names = [n for n in ("epoll", "io_uring-defer", "kevent", "kevent-user", "kevent-ring")
                 if any(r["engine"] == n for r in rows)]
        self.say("registering: instructions each, 1 and 64 at a time (epoll_ctl() takes one a call)")
        self.say(f"{'':>5} {'change':>7} {'at once':>7}" + "".join(f" {ENGINES[n][0]:>9}" for n in names) +
                 f" {'ring/epoll':>11}")
        for kind, at_once in dict.fromkeys((r["kind"], r["at_once"]) for r in rows):
            for change in CHANGES:
                line = f"{kind:>5} {change:>7} {at_once:>7}"
                for name in names:
                    line += f" {by[name, kind, at_once][change]['median']:>9.0f}"
                self.say(line + f" {self.ctl_ratio(by, kind, at_once, change):>11.2f}")
        self.say()
        for change in CHANGES:
            worst = max((self.ctl_ratio(by, kind, 64, change), KINDS[kind])
                        for kind in {r["kind"] for r in rows})
            self.target(f"{change}, 64 per call: at most 0.4 of epoll_ctl()", 0.4, worst[0], where=worst[1])

    @staticmethod
    def ctl_ratio(by, kind, at_once, change):
        """epoll's is that of one at a time, as a program would call it."""
        return (by["kevent-ring", kind, at_once][change]["median"] /
                by["epoll", kind, at_once][change]["median"])

    def idle(self):
        rows = []
        for case, runs in self.cost["idle"].items():
            rows.append({"engine": case[0], "idle": case[7], "instructions": spread(per_event(runs)),
                         "above": self.above("idle", case),
                         "bytes": median(r["idle_bytes"] for r in runs) if case[7] else None})
        if not rows:
            return
        self.json["idle"] = rows
        many = max(r["idle"] for r in rows)
        by = {(r["engine"], r["idle"]): r for r in rows}
        self.say(f"{many:,} more descriptors registered that are never ready: memory that the system gave for")
        self.say("each, and events beside them (pipes, edge, 100 channels, 10 active)")
        self.say(f"{'engine':>26} {'bytes each':>10} {'an event':>9} {'alone':>7} {'more':>6}")
        for name in dict.fromkeys(r["engine"] for r in rows):
            full, alone = by[name, many], by[name, 0]
            more = full["instructions"]["median"] - alone["instructions"]["median"]
            self.say(f"{ENGINES[name][1]:>26} {full['bytes']:>10.1f} {full['instructions']['median']:>9.0f} "
                     f"{alone['instructions']['median']:>7.0f} {more:>6.0f}")
            if name == "kevent-ring":
                self.target(f"{many:,} idle: at most 5 instructions more per event", 5, more)
        self.say()
        self.target("memory per registration: at most epoll's", 1.0,
                    by["kevent-ring", many]["bytes"] / by["epoll", many]["bytes"],
                    where=f"{by['kevent-ring', many]['bytes']:.1f} and {by['epoll', many]['bytes']:.1f} bytes")

    # -- README -----------------------------------------------------------------------

    def readme(self):
        """The tables of README.md and what follows them, as they stand there."""
        tables = (self.readme_events(), self.readme_ctl(), self.readme_threads())
        parts = ["\n".join(table) for table in map(list, tables) if table]
        parts += [textwrap.fill(text, 100) for text in self.readme_losses()]
        return "\n\n".join(parts) + "\n"

    def readme_events(self):
        if not self.cost["events"]:
            return
        channels = max(shape[2] for shape in self.shapes())
        names = ("epoll", "io_uring-defer", "kevent", "kevent-wait", "kevent-ring")
        yield f"| {channels} watched, of them ready | " + " | ".join(
            f"{ENGINES[n][1]}" for n in names) + " | ring against epoll | against io_uring |"
        yield "|---|" + "---:|" * 7
        for kind, mode, nr, active in sorted(self.shapes(), key=lambda shape: shape[1]):
            if nr != channels or (mode == "lt" and active != 10):
                continue
            cells = [self.above("events", case_of(n, kind, mode, nr, active)) for n in names]
            shares = [ratio(cells[-1], other) for other in cells[:2]]
            yield f"| {KINDS[kind]}, {active}{', level' if mode == 'lt' else ''} | " + \
                " | ".join("-" if c is None else f"{c:.0f}" for c in cells) + " | " + \
                " | ".join(bold(s, 0.5) for s in shares) + " |"

    def readme_ctl(self):
        by = {(r["engine"], r["kind"], r["at_once"]): r for r in self.json.get("ctl", [])}
        idle = {(r["engine"], r["idle"]): r for r in self.json.get("idle", [])}
        if not by or not idle:
            return
        many = max(key[1] for key in idle)
        yield ("| registering | epoll_ctl() | io_uring DEFER, 64 a call | kevent_ctl() | 64 a call | "
               "against epoll |")
        yield "|---|" + "---:|" * 5
        for kind in ("pipe", "inet"):
            for change in CHANGES:
                cells = [by[key][change]["median"] for key in (
                    ("epoll", kind, 1), ("io_uring-defer", kind, 64), ("kevent-ring", kind, 1),
                    ("kevent-ring", kind, 64))]
                yield f"| {KINDS[kind]}, {change} | " + " | ".join(f"{c:.0f}" for c in cells) + \
                    f" | {bold(ratio(cells[3], cells[0]), 0.4)} |"
        cells = [idle[name, many]["bytes"] for name in ("epoll", "io_uring-defer", "kevent-ring")]
        yield f"| bytes each, {many:,} idle | {cells[0]:.0f} | {cells[1]:.0f} | | {cells[2]:.0f} | " + \
            f"{bold(ratio(cells[2], cells[0]), 1)} |"

    def readme_threads(self):
        rows = [r for r in self.json.get("threads", []) if (r["kind"], r["consumers"]) == ("inet", 1)]
        if not rows:
            return
        active = max(r["active"] for r in rows)
        names = ("none", "epoll", "io_uring-defer", "kevent-wait", "kevent-ring")
        yield f"| events/s, {2 * rows[0]['channels']} TCP sockets | " + \
            " | ".join(ENGINES[n][1] for n in names) + " |"
        yield "|---|" + "---:|" * len(names)
        for mode, then in NOTES.items():
            now = {r["engine"]: r["per_second"]["median"] for r in rows
                   if (r["mode"], r["active"]) == (mode, active)}
            yield f"| {MODES[mode]} | " + " | ".join(f"{now[n]:.0f}" for n in names) + " |"
            yield f"| *{MODES[mode]}, 2006* | " + " | ".join(str(then.get(n, "")) for n in names) + " |"

    def readme_losses(self):
        """What is dearer than epoll in the same mode, and the aims that are missed."""
        dear = []
        for engine in ("kevent", "kevent-user", "kevent-wait", "kevent-ring"):
            ranges = []
            for mode, word in MODES.items():
                shares = [share for share, _ in self.shares(engine, mode, "epoll", mode)]
                if shares and max(shares) > 1.005:
                    ranges.append(f"{word} {min(shares):.2f} to {max(shares):.2f}")
            if ranges:
                dear.append(f"{ENGINES[engine][1]}: " + ", ".join(ranges))
        if dear:
            yield "Dearer than epoll in the same mode, always or at times: " + "; ".join(dear) + "."
        missed = [t for t in self.targets if not t["met"]]
        if missed:
            yield "Aims missed, with the worst case: " + "; ".join(
                f"{t['target']}: {t['measured']:.2f}" for t in missed) + "."

    # -- plot -------------------------------------------------------------------------

    def event_panel(self, mode, active):
        shapes = [s for s in self.shapes() if (s[1], s[3]) == (mode, active)]
        if not shapes:
            return None
        channels = max(s[2] for s in shapes)
        kinds = [s[0] for s in shapes if s[2] == channels]
        series = []
        for name, (_, label, colour) in ENGINES.items():
            values = [self.above("events", case_of(name, kind, mode, channels, active)) for kind in kinds]
            if name != "none" and None not in values:
                series.append((label, colour, values))
        return self.panel_bars(f"instructions per event above none, {MODES[mode]}, {active} of {channels} ready",
                               "instructions", [KINDS[k] for k in kinds], series)

    def thread_panel(self, mode):
        rows = [r for r in self.json.get("threads", []) if (r["kind"], r["mode"]) == ("inet", mode)]
        if not rows:
            return None
        active = max(r["active"] for r in rows)
        readers = sorted({r["consumers"] for r in rows})
        series = []
        for name, (_, label, colour) in ENGINES.items():
            values = [r["per_second"]["median"] for n in readers for r in rows
                      if (r["engine"], r["active"], r["consumers"]) == (name, active, n)]
            if len(values) == len(readers):
                series.append((label, colour, values))
        return self.panel_bars(f"events per second, TCP, {MODES[mode]}, a writer apart", "events/s",
                               [f"{n} reader{'s' if n > 1 else ''}" for n in readers], series)

    def ctl_panel(self):
        rows = [r for r in self.json.get("ctl", []) if (r["kind"], r["at_once"]) == ("pipe", 64)]
        series = [(ENGINES[r["engine"]][1], ENGINES[r["engine"]][2], [r[c]["median"] for c in CHANGES])
                  for r in rows if r["engine"] in ("epoll", "io_uring-defer", "kevent-ring")]
        return series and self.panel_bars("instructions to register a pipe, 64 at a time", "instructions",
                                          CHANGES, series)

    def idle_panel(self):
        rows = [r for r in self.json.get("idle", []) if r["bytes"]]
        return rows and self.panel_bars(
            "memory of a registration", "bytes", [f"{rows[0]['idle']:,} idle ones"],
            [(ENGINES[r["engine"]][1], ENGINES[r["engine"]][2], [r["bytes"]]) for r in rows])

    def panels(self):
        return [p for p in (self.event_panel("et", 1), self.event_panel("et", 10),
                            self.event_panel("et", 100), self.event_panel("lt", 10),
                            self.thread_panel("et"), self.thread_panel("lt"), self.ctl_panel(),
                            self.idle_panel()) if p]


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    raw, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    bench = Kevent(raw)
    bench.head()
    bench.events()
    bench.threads()
    bench.ctl()
    bench.idle()
    if len(bench.json) < 2:
        sys.exit(f"bench: nothing to report in {raw}")
    bench.verdict()
    (out / "bench-kevent.md").write_text(bench.readme())
    bench.write(out, "bench-kevent")


if __name__ == "__main__":
    main()
