#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Make a report of what tests/bench/run measured.

    tests/bench/report.py RAWDIR OUTDIR

RAWDIR holds the raw lines of the guests, each file optional:

    same.txt cross.txt receive.txt peers.txt cross-peers.txt   nta_bench.sh -o
    off.txt stock.txt       alloc_skb with NTA switched off, and without NTA
    memory.txt              tests/bench/guest/memory
    web-icount.txt web-tcg.txt      tests/bench/guest/web
    device.txt              tests/bench/guest/receive
    model-memory.json model-bench.json      nta-model memory, nta-model bench
    conditions.txt host.txt         "key value" lines

Writes bench-nta.json, bench-nta.txt and bench-nta.png (with gnuplot) to OUTDIR
and prints the text. A missing file is a missing section, said so.
Exit: 0 done, 1 nothing to report.
"""

import json
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from statistics import median

NTA, STOCK, OTHER = "#2a78d6", "#76756f", "#1baf7a"


def lines(path):
    try:
        return path.read_text().splitlines()
    except FileNotFoundError:
        return []


def load_ticks(path):
    """{(test, size, burst, where, mask): [median of each round]}"""
    ticks = defaultdict(list)
    for line in lines(path):
        mask, _, test, size, burst, where, _, mid, _, _ = line.split()
        ticks[test, int(size), int(burst), where, mask].append(float(mid))
    return ticks


def load_words(path, first):
    return [line.split()[1:] for line in lines(path) if line.startswith(first + " ")]


def spread(values):
    return {"median": median(values), "min": min(values), "max": max(values),
            "rounds": len(values)}


class Bench:
    """Everything that was measured, and the report's sections."""

    # How peers were compared, for the foot of the plot.
    how = "NTA on and off in one boot"
    # Room for the names of all series above bars.
    bar_key = "offsets 0,0,graph 0.2,0\nset key top left"

    def __init__(self, raw):
        self.raw = raw
        self.ticks = {}
        for name in ("same", "cross", "receive", "peers", "cross-peers"):
            self.ticks.update(load_ticks(raw / f"{name}.txt"))
        self.text = []
        self.targets = []
        self.json = {"conditions": self.conditions()}

    # -- helpers --------------------------------------------------------------

    def say(self, line=""):
        self.text.append(line)

    def get(self, test, size, burst, where, mask):
        values = self.ticks.get((test, size, burst, where, str(mask)))
        return median(values) if values else None

    def sizes(self, test, where):
        return sorted({k[1] for k in self.ticks if k[0] == test and k[3] == where})

    def bursts(self, test, where):
        return sorted({k[2] for k in self.ticks if k[0] == test and k[3] == where})

    def target(self, what, limit, value, unit="", where=""):
        met = value <= limit
        self.targets.append({"target": what, "limit": limit, "measured": round(value, 3),
                             "met": met, "where": where})
        return met

    def conditions(self):
        out = {}
        for name in ("conditions.txt", "host.txt"):
            for line in lines(self.raw / name):
                key, _, value = line.partition(" ")
                out[key] = value
        return out

    # -- sections -------------------------------------------------------------

    def title(self, text):
        c = self.json["conditions"]
        self.say(text)
        self.say("=" * len(text))
        self.say(f"kernel {c.get('kernel', '?')}, {c.get('qemu', 'QEMU')}, {c.get('mode', '')}")

    def mitigations(self):
        for key, value in self.json["conditions"].items():
            if key.startswith("mitigation_"):
                self.say(f"{key[11:]}: {value}")

    def head(self):
        self.title("NTA against the stock path of the same kernel")
        c = self.json["conditions"]
        on = [k[7:] for k, v in c.items() if k.startswith("config_") and v == "y"]
        off = [k[7:] for k, v in c.items() if k.startswith("config_") and v == "n"]
        self.say("config: " + " ".join(on) + ("; not " + " ".join(off) if off else ""))
        self.mitigations()
        self.say("Instructions: qemu -icount shift=0, where RDTSC counts guest instructions; NTA on")
        self.say("and off in turn (A B A B) in one boot; median of the repeats, median of the rounds.")
        self.say("They are not cycles: no cache misses, a locked operation counts as one.")
        self.say()

    def instructions(self):
        rows = [{"test": k[0], "size": k[1], "burst": k[2], "where": k[3], "nta": k[4],
                 **spread(v)} for k, v in sorted(self.ticks.items())]
        if not rows:
            return
        self.json["instructions"] = rows
        empty = self.get("empty_loop", 0, 1, "same", 1)
        if empty is not None:
            self.say(f"self check: an empty loop takes {empty:.1f} (3 instructions are expected)")
            self.json["self_check_empty_loop"] = empty
            self.say()
        self.pairs("alloc_skb + kfree_skb, same CPU", "alloc_skb", "same", 1)
        self.pairs("alloc_skb_fclone + kfree_skb, same CPU", "alloc_skb_fclone", "same", 1)
        self.pairs("alloc_skb on CPU 0, kfree_skb on CPU 1: both sides", "alloc_skb", "cross", 1)
        self.pairs("alloc_skb on CPU 0, kfree_skb on CPU 1: the freeing side", "alloc_skb",
                   "cross-free", 1)
        self.pairs("napi_alloc_skb + consume_skb, bottom half (receive, nta=3)",
                   "napi_alloc_skb", "same", 3)
        self.pairs("netdev_alloc_skb + kfree_skb (receive, nta=3)", "netdev_alloc_skb", "same", 3)
        self.head_alone()
        self.peers()

    def pairs(self, title, test, where, mask):
        sizes = self.sizes(test, where)
        if not sizes or self.get(test, sizes[0], 1, where, mask) is None:
            return
        bursts = self.bursts(test, where)
        self.say(title + ", instructions per element")
        self.say(f"{'bytes':>8}" + "".join(
            f"  {'NTA':>8} {'stock':>8} {'ratio':>6}" for _ in bursts) +
            "    (" + ", ".join("singles" if b == 1 else f"bursts of {b}" for b in bursts) + ")")
        worst, worst_large = (0, ""), (0, "")
        for size in sizes:
            row = f"{size:>8}"
            for burst in bursts:
                nta = self.get(test, size, burst, where, mask)
                stock = self.get(test, size, burst, where, 0)
                if nta is None or stock is None:
                    row += f"  {'-':>8} {'-':>8} {'-':>6}"
                    continue
                ratio = nta / stock
                row += f"  {nta:>8.1f} {stock:>8.1f} {ratio:>6.2f}"
                at = f"{size} bytes, " + ("single" if burst == 1 else f"burst of {burst}")
                worst = max(worst, (ratio, at))
                if size > 4096:
                    worst_large = max(worst_large, (ratio, at))
            self.say(row)
        self.say()
        if where == "same" and test == "alloc_skb":
            self.target("same CPU: no size slower than stock", 1.0, worst[0], where=worst[1])
            if worst_large[0]:
                self.target("same CPU: at most 0.6 of stock above 4 KiB", 0.6, worst_large[0],
                            where=worst_large[1])
        if mask == 3:
            self.target(f"receive, {test}: not slower than stock", 1.0, worst[0], where=worst[1])

    def head_alone(self):
        """The head without the sk_buff that both paths have in common."""
        out, worst = [], {"cross": (0, ""), "cross-free": (0, "")}
        for where in ("same", "cross", "cross-alloc", "cross-free"):
            for size in self.sizes("alloc_skb", where):
                for burst in self.bursts("alloc_skb", where):
                    base = self.get("skb_only", 0, burst, where, 1)
                    nta = self.get("alloc_skb", size, burst, where, 1)
                    stock = self.get("alloc_skb", size, burst, where, 0)
                    if None in (base, nta, stock):
                        continue
                    ratio = (nta - base) / (stock - base)
                    out.append({"where": where, "size": size, "burst": burst,
                                "nta": nta - base, "stock": stock - base, "ratio": ratio})
                    if where in worst:
                        kind = "single" if burst == 1 else f"burst of {burst}"
                        worst[where] = max(worst[where], (ratio, f"{size} bytes, {kind}"))
        if not out:
            return
        self.json["head_alone"] = out
        self.say("the head alone: the same less what an sk_buff without one costs (skb_only)")
        self.say(f"{'bytes':>8} {'burst':>5} " + "".join(
            f" {w:>24}" for w in ("same CPU", "cross: both sides", "cross: free side")))
        self.say(" " * 15 + f"  {'NTA':>7} {'stock':>7} {'ratio':>7}" * 3)
        for size in self.sizes("alloc_skb", "same"):
            for burst in self.bursts("alloc_skb", "same"):
                row = f"{size:>8} {burst:>5} "
                for where in ("same", "cross", "cross-free"):
                    hit = [o for o in out if (o["where"], o["size"], o["burst"]) ==
                           (where, size, burst)]
                    row += (f"  {hit[0]['nta']:>7.1f} {hit[0]['stock']:>7.1f} {hit[0]['ratio']:>7.2f}"
                            if hit else f"  {'-':>7} {'-':>7} {'-':>7}")
                self.say(row)
        self.say()
        for where, what in (("cross", "both sides"), ("cross-free", "the freeing side")):
            if worst[where][0]:
                self.target(f"cross CPU, the head alone, {what}: at most 0.8 of stock", 0.8,
                            worst[where][0], where=worst[where][1])

    def peers(self):
        names = ("kmalloc", "nta", "page_frag", "alloc_pages", "page_pool")
        sizes = self.sizes("kmalloc", "same")
        if not sizes:
            return
        self.say("the memory of a head by itself, called from a module; peers; same CPU, instructions")
        self.say("(page_pool: whole pages of the order that fits; its price does not depend on it)")
        bursts = self.bursts("kmalloc", "same")
        for burst in bursts:
            self.say(f"{'single' if burst == 1 else 'burst ' + str(burst):>9}" +
                     "".join(f" {n:>12}" for n in names))
            for size in sizes:
                row = f"{size:>9}"
                for name in names:
                    v = self.get(name, size, burst, "same", 1)
                    row += f" {v:>12.1f}" if v is not None else f" {'-':>12}"
                self.say(row)
        self.say()
        base = [(n, self.get(n, 0, 1, "same", 1)) for n in (
            "empty_loop", "call", "preempt_disable", "local_bh_disable", "local_irq_save",
            "spin_lock", "skb_only")]
        if base[0][1] is not None:
            self.say("floors: " + ", ".join(f"{n} {v:.1f}" for n, v in base if v is not None))
            self.say()

    def off_cost(self):
        off, stock = load_ticks(self.raw / "off.txt"), load_ticks(self.raw / "stock.txt")
        rows = []
        for key, values in off.items():
            bare = stock.get(key[:4] + ("none",))
            if bare:
                rows.append({"test": key[0], "size": key[1], "burst": key[2], "off": median(values),
                             "without": median(bare), "more": median(values) - median(bare)})
        if not rows:
            return
        self.json["off_cost"] = rows
        self.say("switched off (net.core.nta=0) against the kernel built without NTA, instructions")
        self.say(f"{'test':>18} {'bytes':>8} {'burst':>5} {'off':>9} {'without':>9} {'more':>7}")
        for r in rows:
            self.say(f"{r['test']:>18} {r['size']:>8} {r['burst']:>5} {r['off']:>9.1f} "
                     f"{r['without']:>9.1f} {r['more']:>7.1f}")
        self.say()
        self.say("above 4 KiB both go to the page allocator, whose state differs between two boots:")
        self.say("tens of instructions either way there are not the switch's")
        self.say()
        for what, sizes in (("up to 4 KiB", range(4097)), ("of 9000 bytes", (9000,))):
            more = [(r["more"], f"{r['test']} {r['size']} bytes") for r in rows
                    if r["burst"] == 1 and r["size"] in sizes]
            if more:
                self.target(f"off: at most 5 instructions more, singles {what}", 5, max(more)[0],
                            where=max(more)[1])

    def memory(self):
        groups = defaultdict(list)
        for trace, mask, _, skbs, asked, taken, _, _ in load_words(self.raw / "memory.txt", "memory"):
            groups[trace, "nta" if mask != "0" else "stock"].append(
                (int(taken) / int(asked), int(taken), int(asked), int(skbs)))
        model = self.raw / "model-memory.json"
        if model.exists():
            try:
                self.json["model_memory"] = json.loads(model.read_text())
            except ValueError as err:
                print(f"bench: {model}: {err}", file=sys.stderr)
        if not groups:
            return
        self.say("memory: bytes taken from the system per byte that the stack asked for")
        self.say("(packets of 66-128, 129-1024, 1500 and 9000 bytes held at once, in the guest)")
        self.say(f"{'trace':>10} {'packets':>8} {'asked MiB':>10} {'NTA':>7} {'stock':>7}")
        out = []
        for trace in ("fresh", "aged", "receive", "refilled", "survivors"):
            nta, stock = groups.get((trace, "nta")), groups.get((trace, "stock"))
            if not nta or not stock:
                continue
            n, s = median(x[0] for x in nta), median(x[0] for x in stock)
            out.append({"trace": trace, "packets": nta[0][3], "asked": nta[0][2],
                        "nta": n, "stock": s, "nta_taken": [x[1] for x in nta],
                        "stock_taken": [x[1] for x in stock]})
            self.say(f"{trace:>10} {nta[0][3]:>8} {nta[0][2] / 2**20:>10.1f} {n:>7.3f} {s:>7.3f}")
        self.say("fresh: allocated once. aged: each replaced three times at random. receive: aged,")
        self.say("as drivers allocate. survivors: all but every 16th freed - what is left pins its")
        self.say("node (NTA) or its 32 KiB fragment (stock). refilled: then filled up again.")
        self.say()
        self.json["memory"] = out
        for row in out:
            if row["trace"] in ("fresh", "aged", "receive"):
                self.target(f"memory, {row['trace']}: at most 1.05 taken per byte asked", 1.05,
                            row["nta"])

    def web(self):
        out = []
        for mode in ("icount", "tcg"):
            groups = defaultdict(list)
            failed = 0
            for server, tool, mask, _, rps, fails in load_words(
                    self.raw / f"web-{mode}.txt", "web"):
                groups[server, tool, mask].append(float(rps))
                failed += int(float(fails))
            if not groups:
                continue
            self.say("requests per second, " + (
                "virtual time of qemu -icount (1e9 instructions a second, 1 processor)"
                if mode == "icount" else "plain emulation (TCG, 2 processors): wall clock, so it scatters"))
            self.say(f"{'server':>12} {'tool':>8} {'NTA on':>9} {'spread':>15} {'off':>9} "
                     f"{'spread':>15} {'on/off':>7}")
            for server, tool in sorted({k[:2] for k in groups}):
                on, off = groups[server, tool, "1"], groups[server, tool, "0"]
                ratio = median(on) / median(off) if median(off) else 0
                out.append({"mode": mode, "server": server, "tool": tool, "on": spread(on),
                            "off": spread(off), "ratio": ratio})
                self.say(f"{server:>12} {tool:>8} {median(on):>9.0f} {min(on):>7.0f}-{max(on):<7.0f} "
                         f"{median(off):>9.0f} {min(off):>7.0f}-{max(off):<7.0f} {ratio:>7.3f}")
            self.say(f"rounds {len(next(iter(groups.values())))}, A B A B; failed requests {failed}")
            self.say()
        if out:
            self.json["requests"] = out

    def devices(self):
        groups = defaultdict(list)
        for dev, mask, _, mbit, ns, packets, joined in load_words(self.raw / "device.txt", "receive"):
            groups[dev, mask].append((float(ns), float(mbit), int(packets), int(joined)))
        if not groups:
            return
        out = []
        self.say("receiving a TCP stream of 1500-byte segments, GRO on: receive bit on (nta=3) and off (nta=1)")
        self.say("(instructions of both ends per byte; packets reaching IP after GRO; joined in the socket)")
        self.say(f"{'device':>12} {'nta=3':>8} {'nta=1':>8} {'ratio':>6} {'packets':>15} {'joined':>15}")
        for dev in dict.fromkeys(k[0] for k in groups):
            on, off = groups[dev, "3"], groups[dev, "1"]
            mid = [[median(x[i] for x in side) for side in (on, off)] for i in (0, 2, 3)]
            ratio = mid[0][0] / mid[0][1]
            out.append({"device": dev, "instructions_per_byte": {"nta=3": mid[0][0], "nta=1": mid[0][1]},
                        "ratio": ratio, "packets": mid[1], "joined": mid[2],
                        "rounds": len(on),
                        "spread": [min(x[0] for x in on), max(x[0] for x in on),
                                   min(x[0] for x in off), max(x[0] for x in off)]})
            self.say(f"{dev:>12} {mid[0][0]:>8.2f} {mid[0][1]:>8.2f} {ratio:>6.3f} "
                     f"{mid[1][0]:>7.0f} {mid[1][1]:>7.0f} {mid[2][0]:>7.0f} {mid[2][1]:>7.0f}")
        self.say()
        self.json["receive_devices"] = out

    def native(self):
        path = self.raw / "model-bench.json"
        if not path.exists():
            self.say("native speed: not measured here (nta-model bench)")
            self.say()
            return
        try:
            self.json["native"] = json.loads(path.read_text())
        except ValueError:
            self.json["native"] = path.read_text().splitlines()
        table = lines(self.raw / "model-bench.txt")
        if table:
            self.say("native speed of the same allocator source in userspace (nta-model bench)")
            self.text += table
            self.say()

    def verdict(self):
        self.json["targets"] = self.targets
        if not self.targets:
            return
        self.say("targets")
        for t in self.targets:
            word = "met   " if t["met"] else "MISSED"
            self.say(f"  {word} {t['target']}: {t['measured']:.2f}" +
                     (f" (worst: {t['where']})" if t["where"] else ""))

    # -- plot -----------------------------------------------------------------

    def panel_lines(self, title, where, test, mask, ylabel="instructions"):
        sizes = self.sizes(test, where)
        if not sizes or self.get(test, sizes[0], 1, where, mask) is None:
            return None
        bursts = self.bursts(test, where)
        data, plots = "", []
        for m, label, colour in ((mask, "NTA", NTA), (0, "stock", STOCK)):
            for burst in bursts:
                name = f"${test}_{where.replace('-', '_')}_{m}_{burst}"
                data += f"{name} << EOD\n" + "".join(
                    f"{i} {self.get(test, s, burst, where, m)}\n" for i, s in enumerate(sizes)
                    if self.get(test, s, burst, where, m) is not None) + "EOD\n"
                kind = "single" if burst == 1 else f"burst {burst}"
                dash = 1 if burst == 1 else 2
                plots.append(f"{name} with linespoints lw 2 pt {7 if burst == 1 else 6} ps 0.9 dt {dash} "
                             f"lc rgb '{colour}' title '{label}, {kind}'")
        tics = ", ".join(f"'{human(s)}' {i}" for i, s in enumerate(sizes))
        return (data + f"set title '{title}'\nset ylabel '{ylabel}'\nset xtics ({tics})\n"
                f"set xrange [-0.3:{len(sizes) - 0.7}]\nset yrange [0:*]\nset offsets 0,0,graph 0.28,0\nset key top left\n"
                "plot " + ", ".join(plots) + "\n")

    @classmethod
    def panel_bars(cls, title, ylabel, labels, series, ymin="0"):
        """series: [(name, colour, values)]"""
        name = "$bars_" + "".join(filter(str.isalnum, title))
        data = name + " << EOD\n"
        for i, label in enumerate(labels):
            data += f'"{label}" ' + " ".join(f"{v[i]:.4f}" for _, _, v in series) + "\n"
        plots = ", ".join(f"{name} using {i + 2}:xtic(1) lc rgb '{c}' title '{n}'"
                          for i, (n, c, _) in enumerate(series))
        return (data + "EOD\n" + f"set title '{title}'\nset ylabel '{ylabel}'\nset xtics autofreq\n"
                f"set xrange [-0.6:{len(labels) - 0.4}]\nset yrange [{ymin}:*]\nset {cls.bar_key}\n"
                "set style data histograms\nset style histogram clustered gap 1\n"
                "set style fill solid 0.9 noborder\nplot " + plots + "\nset style data lines\n")

    def panels(self):
        found = [
            self.panel_lines("alloc_skb + kfree_skb, same CPU", "same", "alloc_skb", 1),
            self.panel_lines("cross CPU: both sides", "cross", "alloc_skb", 1),
            self.panel_lines("cross CPU: the freeing side", "cross-free", "alloc_skb", 1),
            self.panel_lines("receive: napi_alloc_skb, nta=3", "same", "napi_alloc_skb", 3),
        ]
        memory = [m for m in self.json.get("memory", []) if m["trace"] != "survivors"]
        if memory:
            found.append(self.panel_bars(
                "memory taken per byte asked", "ratio", [m["trace"] for m in memory],
                [("NTA", NTA, [m["nta"] for m in memory]),
                 ("stock", STOCK, [m["stock"] for m in memory])]))
        web = [w for w in self.json.get("requests", []) if w["mode"] == "icount"] or \
            self.json.get("requests", [])
        if web:
            found.append(self.panel_bars(
                "requests per second, -icount" if web[0]["mode"] == "icount" else "requests per second",
                "requests/s", [f"{w['server']} {w['tool']}" for w in web],
                [("NTA on", NTA, [w["on"]["median"] for w in web]),
                 ("off", STOCK, [w["off"]["median"] for w in web])]))
        return [p for p in found if p]

    def foot(self):
        c = self.json["conditions"]
        return (f"kernel {c.get('kernel', '?')}, qemu -icount shift=0 (instructions, not cycles), "
                f"{self.how}, medians; {c.get('mode', '')}")

    def plot(self, path):
        panels = self.panels()
        if not panels or not shutil.which("gnuplot"):
            return False
        rows = (len(panels) + 1) // 2
        foot = self.foot()
        script = (f"set terminal pngcairo size 1400,{430 * rows + 40} font 'Sans,11' background '#fcfcfb'\n"
                  f"set output '{path}'\nset grid ytics lc rgb '#dddcd6' lt 1\nset border 3 lc rgb '#76756f'\n"
                  "set tics nomirror\nset termoption noenhanced\n"
                  f"set label 1 '{foot}' at screen 0.5,0.012 center font 'Sans,9' tc rgb '#52514e'\n"
                  f"set multiplot layout {rows},2 margins 0.07,0.98,{0.1 / rows + 0.03:.3f},{1 - 0.12 / rows:.3f} "
                  f"spacing 0.08,{0.24 / rows:.3f}\n" +
                  "".join(panels) + "unset multiplot\n")
        done = subprocess.run(["gnuplot"], input=script, text=True, capture_output=True, check=False)
        if done.returncode:
            print("bench: gnuplot: " + done.stderr.strip().splitlines()[-1], file=sys.stderr)
            return False
        return True

    def write(self, out, name):
        """NAME.json, NAME.txt and NAME.png in OUT; the text is printed, too."""
        text = "\n".join(self.text)
        (out / f"{name}.json").write_text(json.dumps(self.json, indent=1) + "\n")
        (out / f"{name}.txt").write_text(text + "\n")
        if not self.plot(out / f"{name}.png"):
            print("bench: no plot", file=sys.stderr)
        print(text)


def human(size):
    return f"{size // 1024}K" if size >= 1024 and size % 1024 == 0 else str(size)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    raw, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    bench = Bench(raw)
    bench.head()
    bench.instructions()
    bench.off_cost()
    bench.memory()
    bench.web()
    bench.devices()
    bench.native()
    bench.verdict()
    if len(bench.json) < 3:
        sys.exit(f"bench: nothing to report in {raw}")
    bench.write(out, "bench-nta")


if __name__ == "__main__":
    main()
