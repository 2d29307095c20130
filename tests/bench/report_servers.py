#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Make a report of what tests/bench/run measured of web servers.

    tests/bench/report_servers.py RAWDIR OUTDIR

RAWDIR holds the raw lines of the guests, each file optional:

    servers-notes.txt       tests/bench/guest/servers under -icount: notes
    servers-icount.txt      the same: plain, switch, rate, workers
    servers-tcg.txt         plain by the wall clock, two processors
    conditions.txt host.txt         "key value" lines

Writes bench-servers.json, bench-servers.txt, bench-servers.png (with gnuplot) and
bench-servers.rst, the tables of Documentation/servers/servers.rst, to OUTDIR and
prints the text. A missing file is a missing section.
Exit: 0 done, 1 nothing to report.
"""

import json
import sys
import textwrap
from collections import defaultdict
from pathlib import Path
from statistics import median

from report import NTA, OTHER, STOCK, Bench, lines, spread

# As people say it, and the bar's colour.
SERVERS = {("evserver", "kevent-ring"): ("evserver, kevent-ring", NTA),
           ("evserver", "kevent"): ("evserver, kevent", "#9cc3f0"),
           ("evserver", "epoll"): ("evserver, epoll", STOCK),
           ("evserver", "poll"): ("evserver, poll", "#d0cec6"),
           ("evserver", "io_uring"): ("evserver, io_uring", "#eb6834"),
           ("lighttpd", "linux-kevent"): ("lighttpd, kevent", OTHER),
           ("lighttpd", "linux-sysepoll"): ("lighttpd, epoll", "#9bc9b4")}
PEER = {"evserver": ("evserver", "epoll"), "lighttpd": ("lighttpd", "linux-sysepoll")}
ON_KEVENT = [key for key in SERVERS if "kevent" in key[1]]
SNIFFERS = {"none": "none", "tcpdump": "tcpdump", "tap": "zcsniff"}
# The notes of 2006: their hardware differs from line to line and is not all known.
NOTES = (("lighttpd, ab -n 80000 -c 8000", "7200-7400", "4300-5300",
          ("lighttpd", "linux-kevent"), ("lighttpd", "linux-sysepoll"), "ab -n 80000 -c 8000"),
         ("lighttpd, ab -n 80000 -c 10000", "4000", "3800",
          ("lighttpd", "linux-kevent"), ("lighttpd", "linux-sysepoll"), "ab -n 80000 -c 10000"),
         ("trivial server, ab and httperf", "2500-2600, later 3380", "1600-1800, 2200-2500",
          ("evserver", "kevent"), ("evserver", "epoll"), "ab -n 50000 -c 5000"))


def load(*paths):
    """{what: {case: [one object a round]}}, a case being all that names a run"""
    found = defaultdict(lambda: defaultdict(list))
    for path in paths:
        for line in lines(path):
            if not line.startswith("servers "):
                continue
            _, what, _, text = line.split(" ", 3)
            run = json.loads(text)
            case = (run.get("server", "evserver"), run["engine"], run["load"],
                    run.get("nta"), run.get("sniffer"))
            found[what][case].append(run)
    return found


def mid(runs, key):
    """The median of what each round gave."""
    return median(run[key] for run in runs)


def per_request(runs, key="busy_ns"):
    """Guest instructions for each request."""
    return median(run[key] / run["requests"] for run in runs)


def table(head, rows):
    """A simple table of reST; the first column is text, the others numbers."""
    cells = [head] + rows
    wide = [max(len(row[i]) for row in cells) for i in range(len(head))]
    rule = "  ".join("=" * w for w in wide)
    out = [rule]
    for i, row in enumerate(cells):
        out.append("  ".join(c.ljust(w) if j == 0 else c.rjust(w)
                             for j, (c, w) in enumerate(zip(row, wide))).rstrip())
        if i == 0:
            out.append(rule)
    return out + [rule]


class Servers(Bench):
    """Everything that was measured, and the report's sections."""

    how = "one processor for server and client, servers in turn in one boot"
    bar_key = "offsets 0,0,graph 0.45,0\nset key top left vertical maxrows 4 font 'Sans,9'"

    def __init__(self, raw):
        super().__init__(raw)
        self.found = load(raw / "servers-notes.txt", raw / "servers-icount.txt")
        self.wall = load(raw / "servers-tcg.txt")
        self.rst = []

    def head(self):
        self.title("web servers on kevent, epoll, poll and io_uring")
        self.mitigations()
        self.say("qemu -icount shift=0, one processor for server and client: a second is 1e9 instructions,")
        self.say("and neither waits for anything but the other. Not cycles: no cache misses. Servers in")
        self.say("turn in one boot, medians of the rounds; a document of 699 bytes over loopback.")
        self.say()

    def section(self, title, note, head, rows):
        """A table, in the text and for the page."""
        self.say(title)
        for line in textwrap.wrap(note, 96):
            self.say(line)
        self.text += table(head, rows)
        self.say()
        self.rst += [title, "-" * len(title), ""] + textwrap.wrap(note, 80) + [""] + \
            table(head, rows) + [""]

    # -- ab -----------------------------------------------------------------------

    def row(self, case, runs, peer):
        return {"server": case[0], "engine": case[1], "load": case[2], "nta": case[3],
                "sniffer": case[4], "rounds": len(runs),
                "per_second": spread([r["per_second"] for r in runs]),
                "instructions": per_request(runs), "server_instructions": per_request(runs, "server_ns"),
                "against_epoll": per_request(runs) / per_request(peer) if peer else None,
                "share": median(r["server_ns"] / r["time_ns"] for r in runs),
                "failed": sum(r["failed"] for r in runs), "requests": sum(r["requests"] for r in runs),
                **{k: mid(runs, k) for k in ("p50_ms", "p90_ms", "p99_ms", "max_ms") if k in runs[0]},
                **{k: sum(r[k] for r in runs) for k in ("captured", "missed") if k in runs[0]}}

    def rows_of(self, found):
        """Rows of a kind of run, in the order of SERVERS."""
        loads = dict.fromkeys(case[2:] for case in found)
        return [self.row(key + rest, found[key + rest], found.get(PEER[key[0]] + rest))
                for rest in loads for key in SERVERS if key + rest in found]

    def loads(self, what, title, note):
        rows = self.rows_of(self.found[what])
        if not rows:
            return
        self.json[what] = rows
        note += f" Rounds: {max(r['rounds'] for r in rows)}."
        for load_name in dict.fromkeys(r["load"] for r in rows):
            self.section(
                title.format(load_name), note,
                ["server", "requests/s", "least", "most", "instructions", "server's", "of epoll's all",
                 "CPU", "failed", "50 %", "90 %", "99 %", "last"],
                [[SERVERS[r["server"], r["engine"]][0], f"{r['per_second']['median']:.0f}",
                  f"{r['per_second']['min']:.0f}", f"{r['per_second']['max']:.0f}",
                  f"{r['instructions']:.0f}", f"{r['server_instructions']:.0f}",
                  f"{r['against_epoll']:.3f}" if r["against_epoll"] else "-", f"{100 * r['share']:.0f} %",
                  f"{r['failed']}"] + [f"{r[k]:.0f} ms" for k in ("p50_ms", "p90_ms", "p99_ms", "max_ms")]
                 for r in rows if r["load"] == load_name])

    def verdicts(self):
        """What was aimed at, over everything that was measured."""
        rows = [r for what in ("notes", "plain") for r in self.json.get(what, [])]
        for key in ON_KEVENT:
            own = [(r["against_epoll"], r["load"]) for r in rows
                   if (r["server"], r["engine"]) == key and r["against_epoll"]]
            if own:
                within = sum(share <= 1.01 for share, _ in own)
                self.target(f"{SERVERS[key][0]}: at most 1.01 of epoll's instructions per request", 1.01,
                            max(own)[0], where=f"{max(own)[1]}; {within} of {len(own)} loads are within")
        rows += [r for what in ("switch", "rate") for r in self.json.get(what, [])]
        if rows:
            self.target(f"failed requests, of {sum(r['requests'] for r in rows):,}", 0,
                        sum(r["failed"] for r in rows))

    def notes_of_2006(self):
        by = {(r["server"], r["engine"], r["load"]): r for r in self.json.get("notes", [])}
        rows = []
        for what, kevent, epoll, own, peer, load_name in NOTES:
            if (*own, load_name) in by and (*peer, load_name) in by:
                now = [by[(*key, load_name)]["per_second"]["median"] for key in (own, peer)]
                rows.append([what, kevent, epoll, f"{now[0]:.0f}", f"{now[1]:.0f}", f"{now[0] / now[1]:.2f}"])
        if rows:
            self.section(
                "Beside the figures of 2006",
                "Requests per second. Theirs: real machines, of which the notes say little: for lighttpd an amd64 "
                "one, and that the benchmark was probably broken; for the trivial server httperf and ab, with at "
                "most 4096 events in a queue at first. Ours: guest seconds of 1e9 instructions, server and "
                "client on the one processor; the trivial server is evserver under ab -n 50000 -c 5000.",
                ["", "kevent, 2006", "epoll, 2006", "kevent", "epoll", "ratio"], rows)

    def by_the_clock(self):
        rows = self.rows_of(self.wall["plain"])
        if not rows:
            return
        self.json["plain_wall"] = rows
        self.section(
            "By the wall clock",
            "Plain emulation (TCG), two processors: requests per second of wall clock, which scatters with "
            "what else the machine does; medians of rounds one after the other.",
            ["server", "load", "requests/s", "least", "most", "failed"],
            [[SERVERS[r["server"], r["engine"]][0], r["load"], f"{r['per_second']['median']:.0f}",
              f"{r['per_second']['min']:.0f}", f"{r['per_second']['max']:.0f}", f"{r['failed']}"]
             for r in rows])

    # -- NTA, sniffers ----------------------------------------------------------------

    def switch(self):
        rows = self.rows_of(self.found["switch"])
        if not rows:
            return
        self.json["switch"] = rows
        by = {(r["server"], r["engine"], r["nta"], r["sniffer"]): r for r in rows}
        cells = []
        for key, (name, _) in SERVERS.items():
            line = [name]
            for sniffer in SNIFFERS:
                for nta in (1, 0):
                    row = by.get((*key, nta, sniffer))
                    line.append(f"{row['per_second']['median']:.0f}" if row else "-")
            if len(set(line[1:])) > 1:
                cells.append(line)
        missed = {s: (sum(r["missed"] for r in rows if r["sniffer"] == s),
                      sum(r["missed"] + r["captured"] for r in rows if r["sniffer"] == s))
                  for s in ("tcpdump", "tap")}
        self.section(
            "NTA on and off, sniffers beside the server",
            f"Requests per second, {rows[0]['load']}; each sniffer writes all of the loopback device to "
            "/dev/null. Missed: " + "; ".join(
                f"{SNIFFERS[s]} {lost} of {seen} packets" for s, (lost, seen) in missed.items()) + ".",
            ["server"] + [f"{label}{', ' if label else ''}NTA {on}" for s, label in
                          (("none", "alone"), ("tcpdump", "tcpdump"), ("tap", "zcsniff"))
                          for on in ("on", "off")], cells)
        shares = [by[(*key, 1, s)]["instructions"] / by[(*key, 0, s)]["instructions"]
                  for key in SERVERS for s in SNIFFERS if (*key, 1, s) in by and (*key, 0, s) in by]
        if shares:
            self.json["nta_on_against_off"] = spread(shares)
            self.target("instructions per request, NTA on against off (median of all)", 1.0, median(shares))
        cost = {s: median(by[(*key, 1, s)]["instructions"] - by[(*key, 1, "none")]["instructions"]
                          for key in SERVERS if (*key, 1, s) in by) for s in ("tcpdump", "tap")
                if any((*key, 1, s) in by for key in SERVERS)}
        if len(cost) == 2:
            self.json["sniffer_instructions"] = cost
            self.target("what zcsniff adds to a request, against tcpdump", 1.0, cost["tap"] / cost["tcpdump"],
                        where=f"{cost['tap']:.0f} and {cost['tcpdump']:.0f} instructions")

    # -- httperf ------------------------------------------------------------------------

    def rate(self):
        found = self.found["rate"]
        if not found:
            return
        rows, cells = [], []
        loads = list(dict.fromkeys(case[2] for case in found))
        for key, (name, _) in SERVERS.items():
            line = [name]
            for load_name in loads:
                runs = found.get((*key, load_name, 1, "none"))
                if not runs:
                    line.append("-")
                    continue
                row = {"server": key[0], "engine": key[1], "load": load_name,
                       "per_second": spread([r["per_second"] for r in runs]),
                       "share": median(r["server_ns"] / r["time_ns"] for r in runs),
                       "mean_ms": mid(runs, "mean_ms"), "failed": sum(r["failed"] for r in runs),
                       "requests": sum(r["requests"] for r in runs)}
                rows.append(row)
                line.append(f"{row['per_second']['median']:.0f}, {100 * row['share']:.1f} %, "
                            f"{row['mean_ms']:.1f} ms, {row['failed']}")
            cells.append(line)
        self.json["rate"] = rows
        self.section(
            "httperf, at given rates",
            "Replies per second, the server's share of the processor, the mean time of a connection, "
            "failed requests, by connections a second that were asked for. httperf never sleeps, so "
            "that a server waits for the processor as well.",
            ["server"] + [name.split()[-1] for name in loads], cells)

    # -- workers --------------------------------------------------------------------------

    def workers(self):
        found = self.found["workers"]
        if not found:
            return
        rows, cells = [], []
        for case, runs in found.items():
            shares = [max(r["accepted"]) / max(1, min(r["accepted"])) for r in runs]
            rows.append({"engine": case[1], "load": case[2], "accepted": [r["accepted"] for r in runs],
                         "most_to_least": spread(shares), "failed": sum(r["failed"] for r in runs)})
            cells.append([case[1], case[2], " ".join(map(str, sorted(runs[-1]["accepted"]))),
                          f"{median(shares):.2f}" if median(shares) < 100 else "> 100"])
        self.json["workers"] = rows
        self.section(
            "Four workers at one listener",
            "Connections that each of four processes of evserver accepted, in the last round, and the "
            "most to the least, median of the rounds. The listener of epoll is EPOLLEXCLUSIVE.",
            ["engine", "load", "connections of each", "most : least"], cells)
        for engine in ("kevent-ring", "kevent"):
            worst = [(max(r["most_to_least"]["max"], 1), r["load"]) for r in rows if r["engine"] == engine]
            if worst:
                self.target(f"{engine}, four workers: most to least at most 1.2", 1.2, max(worst)[0],
                            where=max(worst)[1])

    # -- the page, the plot -----------------------------------------------------------------

    def page(self):
        """The tables, and which aims were missed."""
        c = self.json["conditions"]
        out = [f"kernel {c.get('kernel', '?')}, {c.get('qemu', 'QEMU')}, {c.get('mode', '')}", ""]
        for t in self.targets:
            text = f"* {'met' if t['met'] else '**missed**'}: {t['target']}: {t['measured']:.3g}" + \
                (f" (worst: {t['where']})" if t["where"] else "")
            out += textwrap.wrap(text, 80, subsequent_indent="  ", break_on_hyphens=False)
        return "\n".join(["", *out, "", *self.rst, ""])

    def panel(self, rows, title, ylabel, value):
        if not rows:
            return None
        loads = list(dict.fromkeys(r["load"] for r in rows))
        by = {(r["server"], r["engine"], r["load"]): r for r in rows}
        series = [(name, colour, [value(by[(*key, one)]) for one in loads])
                  for key, (name, colour) in SERVERS.items() if all((*key, one) in by for one in loads)]
        labels = [one if one.startswith("ab ") else f"{one.split()[-1]} a second" for one in loads]
        return series and self.panel_bars(title, ylabel, labels, series)

    def switch_panel(self):
        rows = self.json.get("switch", [])
        labels = [label for name in ("alone", "tcpdump", "zcsniff") for label in (name, "NTA off")]
        by = {(r["server"], r["engine"], r["sniffer"], r["nta"]): r["per_second"]["median"] for r in rows}
        series = [(name, colour, [by[(*key, s, nta)] for s in SNIFFERS for nta in (1, 0)])
                  for key, (name, colour) in SERVERS.items() if (*key, "tap", 0) in by]
        return series and self.panel_bars(f"requests per second beside sniffers, {rows[0]['load']}", "requests/s",
                                          labels, series)

    def panels(self):
        notes, plain = self.json.get("notes", []), self.json.get("plain", [])
        found = (self.panel(notes, "requests per second, the loads of 2006", "requests/s",
                            lambda r: r["per_second"]["median"]),
                 self.panel(notes, "instructions of the server per request", "instructions",
                            lambda r: r["server_instructions"]),
                 self.panel(plain, "requests per second, 1000 connections, closed and kept", "requests/s",
                            lambda r: r["per_second"]["median"]),
                 self.panel(notes, "time of 99 % of the requests", "ms", lambda r: r["p99_ms"]),
                 self.switch_panel(),
                 self.panel(self.json.get("rate", []), "share of the processor that the server takes, httperf", "share",
                            lambda r: r["share"]))
        return [p for p in found if p]


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    raw, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    bench = Servers(raw)
    bench.head()
    bench.loads("notes", "{}", "A connection for each request. Instructions: kernel, server and client, for a request; "
                "server's: of its process; last: the slowest request.")
    bench.notes_of_2006()
    bench.loads("plain", "{}", "As above; with -k connections are kept.")
    bench.switch()
    bench.rate()
    bench.workers()
    bench.by_the_clock()
    if len(bench.json) < 2:
        sys.exit(f"bench: nothing to report in {raw}")
    bench.verdicts()
    bench.verdict()
    (out / "bench-servers.rst").write_text(bench.page())
    bench.write(out, "bench-servers")


if __name__ == "__main__":
    main()
