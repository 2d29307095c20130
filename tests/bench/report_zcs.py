#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Make a report of what tests/bench/run measured of the sniffer and of sending.

    tests/bench/report_zcs.py RAWDIR OUTDIR

RAWDIR holds the raw lines of the guests, each file optional:

    capture-cost.txt        tests/bench/guest/capture_cost
    capture-loss.txt        tests/bench/guest/capture_loss
    capture-web.txt         tests/bench/guest/capture_web
    send-cost.txt           tests/bench/guest/send_cost
    seq.json seq.png        zcs-plot of what tests/bench/guest/capture_seq left
    conditions.txt host.txt         "key value" lines

Writes bench-zcs.json, bench-zcs.txt, bench-zcs.png (with gnuplot) and, as it is,
bench-zcs-seq.png to OUTDIR and prints the text. A missing file is a missing
section. Exit: 0 done, 1 nothing to report.
"""

import json
import shutil
import sys
from collections import defaultdict
from pathlib import Path
from statistics import median

from report import NTA, OTHER, STOCK, Bench, load_words, spread

KINDS = {"tcpdump": "tcpdump -w /dev/null", "tpacket": "TPACKET_V3 reader",
         "tap": "zcsniff -w /dev/null", "free": "zcsniff --point free"}
SENDERS = {"udp": "sendmmsg()", "txring": "TX_RING", "bypass": "TX_RING, no qdisc",
           "frame": "zcsend", "ip": "zcsend --ip"}
COLOURS = {"tcpdump": STOCK, "tpacket": "#b3b1a8", "tap": NTA, "free": OTHER,
           "udp": STOCK, "txring": "#b3b1a8", "bypass": "#d0cec6", "frame": NTA, "ip": OTHER}
SECOND = 1e9        # instructions of a guest's second


def load_pairs(words):
    """{"key": "value"} of the words that have a "="."""
    return dict(word.split("=", 1) for word in words if "=" in word)


def slope(counts, field):
    """Price of one more packet, from two runs of different lengths."""
    few, many = min(counts), max(counts)
    return (float(counts[many][field]) - float(counts[few][field])) / (many - few)


def name_of(size):
    """A size as people say it."""
    return {"gso": "64K GSO", "gso-nta": "64K/NTA"}.get(size, size)


class Sniffer(Bench):
    """Everything that was measured, and the report's sections."""

    how = "one processor, peers in turn in one boot"

    def head(self):
        self.title("The zero-copy sniffer and zero-copy sending against their peers")
        self.mitigations()
        self.say("Instructions: qemu -icount shift=0, one processor, all of it counted: sender, stack,")
        self.say("capture, reader, interrupts; waiting left out. Each figure is the difference of a long")
        self.say("and a short run, divided by the packets; peers in turn in one boot, median of the rounds.")
        self.say("They are not cycles: no cache misses, and the kernel's memcpy() takes about 0.4 of them")
        self.say("for a byte, whether the byte is in the cache or not.")
        self.say()

    # -- capturing --------------------------------------------------------------

    def load_cost(self):
        """{(kind, readers, size): {round: {count: fields}}}"""
        found = defaultdict(lambda: defaultdict(dict))
        for words in load_words(self.raw / "capture-cost.txt", "capture"):
            turn, kind, readers, size, count = words[:5]
            fields = load_pairs(words[5:])
            fields["captured"], fields["missed"], fields["reader_ns"] = [], [], 0.0
            for i in range(int(readers)):
                captured, missed, ns = fields[f"reader{i}"].split("/")
                fields["captured"].append(int(captured))
                fields["missed"].append(int(missed))
                fields["reader_ns"] += float(ns)
            found[kind, int(readers), size][turn][int(count)] = fields
        return found

    def cost_rows(self):
        found, rows = self.load_cost(), []
        for (kind, readers, size), turns in found.items():
            if kind == "none":
                continue
            base = median(slope(c, "busy") for c in found["none", 0, size].values())
            added = [slope(c, "busy") - base for c in turns.values()]
            runs = [run for counts in turns.values() for run in counts.values()]
            rows.append({
                "size": size, "kind": kind, "readers": readers, "without": base,
                "added": spread(added),
                "reader_process": median(slope(c, "reader_ns") for c in turns.values()),
                "sent": sum(int(run["sent"]) for run in runs),
                "captured": [sum(run["captured"][i] for run in runs) for i in range(readers)],
                "missed": [sum(run["missed"][i] for run in runs) for i in range(readers)]})
        return rows

    def cost(self):
        rows = self.cost_rows()
        if not rows:
            return
        self.json["capture_cost"] = rows
        by = {(r["size"], r["kind"], r["readers"]): r for r in rows}
        sizes = list(dict.fromkeys(r["size"] for r in rows))
        kinds = [k for k in KINDS if any(r["kind"] == k for r in rows)]
        self.say("capturing a packet: instructions added; one reader, and two at once")
        self.say("(UDP over veth, MTU 9216, captured where it arrives; bytes: IP packet; 64K GSO: one")
        self.say("buffer of 64796 bytes, in pages of the stack as by default, or of NTA, net.core.nta=5;")
        self.say("*: packets were missed, so it did less work than the others)")
        self.say(f"{'bytes':>8} {'without':>8}" + "".join(f" {KINDS[k]:>21}" for k in kinds))
        for size in sizes:
            line = f"{name_of(size):>8} {by[size, kinds[0], 1]['without']:>8.0f}"
            for kind in kinds:
                cell = " ".join(self.cost_cell(by.get((size, kind, n))) for n in (1, 2))
                line += f" {cell:>21}"
            self.say(line)
        self.say()
        self.cost_list(rows, by)
        self.cost_targets(by, sizes)

    @staticmethod
    def cost_cell(row):
        if not row:
            return f"{'-':>8}"
        return f"{row['added']['median']:>7.0f}" + ("*" if any(row["missed"]) else " ")

    def cost_list(self, rows, by):
        self.say("the same, line by line: of it in the readers' processes, share of tcpdump's with as many")
        self.say("readers, lowest and highest round, and what each reader was shown")
        self.say(f"{'bytes':>8} {'readers':>23} {'added':>7} {'process':>8} {'share':>6} {'rounds':>15} "
                 f"{'sent':>7}  captured, missed")
        for row in rows:
            peer = by.get((row["size"], "tcpdump", row["readers"]))
            share = row["added"]["median"] / peer["added"]["median"] if peer else None
            seen = "; ".join(f"{c}, {m}" for c, m in zip(row["captured"], row["missed"]))
            self.say(f"{name_of(row['size']):>8} {KINDS[row['kind']]:>20} x{row['readers']} "
                     f"{self.cost_cell(row):>8}{row['reader_process']:>8.0f} "
                     + (f"{share:>6.2f} " if share is not None else f"{'-':>6} ")
                     + f"{row['added']['min']:>7.0f}-{row['added']['max']:<7.0f} {row['sent']:>7}  {seen}")
        self.say()

    def cost_targets(self, by, sizes):
        for kind in ("tap", "free"):
            ours = [(by[s, kind, 1]["added"]["median"], s) for s in sizes if (s, kind, 1) in by]
            if not ours:
                continue
            for size in ("1500",):
                peer, own = by.get((size, "tcpdump", 1)), by.get((size, kind, 1))
                if peer and own:
                    self.target(f"{KINDS[kind]}: at most 0.25 of tcpdump at {size} bytes", 0.25,
                                own["added"]["median"] / peer["added"]["median"])
            # By default the stack's fragments are not NTA's, and are copied.
            held = [o for o in ours if o[1] != "gso"]
            self.target(f"{KINDS[kind]}: the dearest size at most 1.25 of the cheapest", 1.25,
                        max(held)[0] / min(held)[0],
                        where=f"{name_of(max(held)[1])} against {name_of(min(held)[1])}")
            more = [(by[s, kind, 2]["added"]["median"] / by[s, kind, 1]["added"]["median"] - 1, name_of(s))
                    for s in sizes if (s, kind, 2) in by and (s, kind, 1) in by]
            if more:
                self.target(f"{KINDS[kind]}: a second reader at most 0.3 of the first", 0.3, max(more)[0],
                            where=max(more)[1] + " bytes")

    def loss(self):
        rows = []
        for words in load_words(self.raw / "capture-loss.txt", "loss"):
            size, rate, kinds = words[:3]
            fields = load_pairs(words[3:])
            for i, kind in enumerate(kinds.split(",")):
                captured, missed, _ = fields[f"reader{i}"].split("/")
                rows.append({"size": int(size), "rate": int(rate), "kind": kind, "beside": kinds,
                             "reached": float(fields["rate"]), "sent": int(fields["sent"]),
                             "captured": int(captured), "missed": int(missed)})
        if not rows:
            return
        self.json["capture_loss"] = rows
        self.say(f"packets missed as traffic grows: UDP of {rows[0]['size']} bytes, above all other processes;")
        self.say("packets per guest second (1e9 instructions); each reader with its default buffer")
        self.say(f"{'at once':>16} {'rate':>7} {'reached':>8} {'sent':>7}   captured, missed")
        for key in dict.fromkeys((r["beside"], r["rate"]) for r in rows):
            group = [r for r in rows if (r["beside"], r["rate"]) == key]
            self.say(f"{key[0].replace(',', ' + '):>16} {key[1]:>7} {group[0]['reached']:>8.0f} "
                     f"{group[0]['sent']:>7}   " + "; ".join(
                         f"{r['kind']} {r['captured']}, {r['missed']} ({100 * r['missed'] / r['sent']:.1f} %)"
                         for r in group))
        self.say()

    def web_share(self):
        groups = defaultdict(list)
        for words in load_words(self.raw / "capture-web.txt", "web"):
            _, kind, page, requests, failed, captured, missed = words[:7]
            fields = load_pairs(words[7:])
            groups[int(page), kind].append({
                "requests": int(requests), "failed": int(float(failed)), "captured": int(captured),
                "missed": int(missed), "busy": float(fields["busy"]),
                "share": float(fields["other"]) / float(fields["time"])})
        if not groups:
            return
        rows = []
        self.say("httperf loads tests/bench/epollserver over veth, the processor is never idle: share that")
        self.say("the sniffer's process takes (the figure of the 2006 notes: tcpdump 33 %, theirs 17 %), and")
        self.say("how many requests are served in a guest second of 1e9 instructions")
        self.say(f"{'page':>8} {'sniffer':>23} {'process':>8} {'requests/s':>11} {'slower':>7}  "
                 "captured, missed, failed requests")
        for (page, kind), runs in groups.items():
            rate = median(r["requests"] * SECOND / r["busy"] for r in runs)
            row = {"page": page, "kind": kind, "share": spread([r["share"] for r in runs]),
                   "requests_per_second": rate, **{k: sum(r[k] for r in runs)
                                                   for k in ("captured", "missed", "failed")}}
            if kind != "none" and (page, "none") in groups:
                bare = median(r["requests"] * SECOND / r["busy"] for r in groups[page, "none"])
                row["slower"] = 1 - rate / bare
            rows.append(row)
            self.say(f"{page:>8} {KINDS.get(kind, 'none'):>23} {100 * row['share']['median']:>7.2f}% {rate:>11.0f} "
                     + (f"{100 * row['slower']:>6.1f}%" if "slower" in row else f"{'':>7}")
                     + f"  {row['captured']}, {row['missed']}, {row['failed']}")
        self.say()
        self.json["capture_web"] = rows

    # -- sending ------------------------------------------------------------------

    def load_send(self):
        """{(device, kind, size): {round: {count: fields}}}"""
        found = defaultdict(lambda: defaultdict(dict))
        for turn, device, kind, size, count, left, *words in load_words(
                self.raw / "send-cost.txt", "send"):
            fields = load_pairs(words)
            fields["left"] = int(left)
            name = "dummy" if device == "d0" else "e1000e"
            found[name, kind, int(size)][turn][int(count)] = fields
        return found

    def send(self):
        rows = []
        for (device, kind, size), turns in self.load_send().items():
            costs = [slope(c, "busy") for c in turns.values()]
            cpu = median(slope(c, "cpu") for c in turns.values())
            runs = [(count, run) for counts in turns.values() for count, run in counts.items()]
            rows.append({"device": device, "kind": kind, "size": size, "instructions": spread(costs),
                         "per_cpu_second": SECOND / median(costs), "process_ns": cpu,
                         "asked": sum(count for count, _ in runs),
                         "sent": sum(run["left"] for _, run in runs)})
        if not rows:
            return
        self.json["send"] = rows
        by = {(r["device"], r["kind"], r["size"]): r for r in rows}
        kinds = [k for k in SENDERS if any(r["kind"] == k for r in rows)]
        for device in dict.fromkeys(r["device"] for r in rows):
            self.say(f"sending UDP out of {device}: instructions per datagram, and datagrams per second of")
            self.say("processor time (1e9 instructions); bytes: IP packet; the payload is written once, but")
            self.say("for a number in each datagram of the peers")
            self.say(f"{'bytes':>8}" + "".join(f" {SENDERS[k]:>18}" for k in kinds))
            for size in sorted({r["size"] for r in rows if r["device"] == device}):
                line = f"{size:>8}"
                for kind in kinds:
                    row = by.get((device, kind, size))
                    line += (f" {row['instructions']['median']:>8.0f} {row['per_cpu_second']:>9.0f}"
                             if row else f" {'-':>18}")
                self.say(line)
            short = [r for r in rows if r["device"] == device and r["sent"] < r["asked"]]
            self.say("sent: " + ("; ".join(f"{SENDERS[r['kind']]}, {r['size']} bytes: {r['sent']} of {r['asked']}"
                                           for r in short) or "all that was asked for, by each"))
            self.say()
            self.send_targets(by, device)

    def send_targets(self, by, device):
        sizes = sorted({size for dev, kind, size in by if dev == device and size >= 1500})
        for peers, what in ((("udp",), "sendmmsg()"), (("txring", "bypass"), "the better TX_RING")):
            worst = (0, "")
            for size in sizes:
                own, their = ([by[device, k, size]["instructions"]["median"]
                               for k in ks if (device, k, size) in by] for ks in (("frame",), peers))
                if own and their:
                    worst = max(worst, (own[0] / min(their), f"{size} bytes"))
            if worst[1]:
                self.target(f"zcsend, {device}, 1500 bytes and more: cheaper than {what}", 1.0, worst[0],
                            where=worst[1])

    # -- one transfer ---------------------------------------------------------------

    def sequence(self):
        path = self.raw / "seq.json"
        if not path.exists() or not path.stat().st_size:
            return
        seq = self.json["sequence"] = json.loads(path.read_text())
        self.say(f"one TCP transfer of {seq['bytes']} bytes, captured by both at once (bench-zcs-seq.png)")
        for name in ("zcsniff", "tcpdump"):
            own = seq[name]
            self.say(f"{name:>8}: {own['segments']} segments, {own['missed']} of the other's missed, "
                     f"{own['holes']} holes of {own['hole_bytes']} bytes")
        self.say()

    # -- plot -------------------------------------------------------------------------

    @staticmethod
    def panel_curves(title, ylabel, ticks, curves):
        """curves: [(title, colour, dash, [(position, value)])]"""
        data, plots = "", []
        for i, (label, colour, dash, points) in enumerate(curves):
            name = "$curve_" + "".join(filter(str.isalnum, title)) + str(i)
            data += f"{name} << EOD\n" + "".join(f"{x} {y:.3f}\n" for x, y in points) + "EOD\n"
            plots.append(f"{name} with linespoints lw 2 pt {7 if dash == 1 else 6} ps 0.9 dt {dash} "
                         f"lc rgb '{colour}' title '{label}'")
        tics = ", ".join(f"'{t}' {i}" for i, t in enumerate(ticks))
        return (data + f"set title '{title}'\nset ylabel '{ylabel}'\nset xtics ({tics})\n"
                f"set xrange [-0.3:{len(ticks) - 0.7}]\nset yrange [0:*]\nset offsets 0,0,graph 0.1,0\n"
                "set key top left\nplot " + ", ".join(plots) + "\n")

    def cost_panel(self):
        rows = [r for r in self.json.get("capture_cost", []) if r["size"].isdigit()]
        sizes = list(dict.fromkeys(r["size"] for r in rows))
        curves = []
        for kind, label in KINDS.items():
            for readers in (1, 2):
                points = [(sizes.index(r["size"]), r["added"]["median"]) for r in rows
                          if (r["kind"], r["readers"]) == (kind, readers)]
                if points:
                    curves.append((f"{label}, {readers}", COLOURS[kind], readers, points))
        return curves and self.panel_curves(
            "instructions added per captured packet, one and two readers", "instructions", sizes, curves)

    def loss_panel(self):
        rows = self.json.get("capture_loss", [])
        rates = sorted({r["rate"] for r in rows})
        curves = []
        for beside in dict.fromkeys(r["beside"] for r in rows):
            for kind in beside.split(","):
                points = [(rates.index(r["rate"]), 100 * r["missed"] / r["sent"]) for r in rows
                          if (r["beside"], r["kind"]) == (beside, kind)]
                both = "," in beside
                curves.append((KINDS[kind].split(" -w")[0] + (", both at once" if both else ", alone"),
                               COLOURS[kind], 2 if both else 1, points))
        return curves and self.panel_curves(
            "packets missed, by packets per guest second", "per cent",
            [f"{r // 1000}k" for r in rates], curves)

    def send_panel(self, device):
        rows = [r for r in self.json.get("send", []) if r["device"] == device]
        sizes = sorted({r["size"] for r in rows})
        curves = [(label, COLOURS[kind], 1, [(sizes.index(r["size"]), r["instructions"]["median"])
                                             for r in rows if r["kind"] == kind])
                  for kind, label in SENDERS.items() if any(r["kind"] == kind for r in rows)]
        return curves and self.panel_curves(
            f"instructions per datagram sent out of {device}", "instructions", sizes, curves)

    def web_panel(self):
        rows = [r for r in self.json.get("capture_web", []) if r["kind"] != "none"]
        pages = sorted({r["page"] for r in rows})
        series = []
        for kind, label in KINDS.items():
            values = [100 * r["share"]["median"] for p in pages for r in rows
                      if (r["page"], r["kind"]) == (p, kind)]
            if len(values) == len(pages) and values:
                series.append((label, COLOURS[kind], values))
        return series and self.panel_bars("share of the processor that the sniffer takes under httperf",
                                          "per cent", [f"pages of {p} bytes" for p in pages], series)

    def panels(self):
        return [p for p in (self.cost_panel(), self.loss_panel(), self.web_panel(),
                            self.send_panel("dummy"), self.send_panel("e1000e")) if p]


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    raw, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    bench = Sniffer(raw)
    bench.head()
    bench.cost()
    bench.loss()
    bench.web_share()
    bench.send()
    bench.sequence()
    if len(bench.json) < 2:
        sys.exit(f"bench: nothing to report in {raw}")
    bench.verdict()
    bench.write(out, "bench-zcs")
    if (raw / "seq.png").exists():
        shutil.copy(raw / "seq.png", out / "bench-zcs-seq.png")


if __name__ == "__main__":
    main()
