#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What rules cost: one decision as rules grow, beside sudo, polkit and usbguard; loading; reloading under requests.

All of it is one run on one CPU, with a bus ping beside everything. See tests/bench/run.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

TESTS = pathlib.Path(__file__).parent.parent
sys.path.insert(0, str(TESTS / "integration"))
import processes  # noqa: E402

BENCH = TESTS / "bench"
BUILD = TESTS.parent / "build/bench/tests/bench"
COMMANDS = "/usr/share/fwctld/commands"
POLICIES = pathlib.Path("/tmp/policies")
FEW, MANY = 10, 100000
COUNTS = (FEW, 1000, MANY)
SPREADS = ("users", "groups", "serials", "prefixes", "pairs", "values", "ranges")
POLKIT_RULES = pathlib.Path("/etc/polkit-1/rules.d")
ACTION = "org.fwctld1.read-only"
DEFAULTS = "version: 1\ndefaults: {read-only: allow}\n"


class Table:
    """What is said at the end, a section a subject."""

    def __init__(self):
        self.lines = []

    def section(self, title, *columns):
        self.lines += ["", title, "  " + self.row(columns)]

    def add(self, *cells):
        line = "  " + self.row(cells)
        self.lines.append(line)
        print(line, flush=True)

    @staticmethod
    def row(cells):
        return f"{cells[0]:<32}" + "".join(f"{cell:>14}" for cell in cells[1:])


def run(program, *arguments, user=None):
    """What a program of the bench prints: a JSON object a line."""
    command = [program, *map(str, arguments)]
    if user:
        command = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", *command]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [json.loads(line) for line in output.splitlines()]


def make_policies():
    for rules in COUNTS:
        subprocess.run([BENCH / "policy-mix", POLICIES / "mix" / str(rules), str(rules)], check=True)
        for kind in SPREADS:
            subprocess.run([BENCH / "policy-spread", POLICIES / kind / str(rules), str(rules), kind], check=True)


def times(value, base):
    return f"{value / base:.2f} x"


def of_ping(value, ping):
    return f"{100 * value / ping:.3f} %" if value < ping else f"{value / ping:.1f} x"


def decisions(table, rounds):
    """Returns the ping."""
    table.section("fwctld: one decision; classified before; alone, after a ping (bounds: 2 x 10 rules, 1 % of a ping)",
                  "rules", "p50", "p99", "to 10 rules", "of a ping", "classified", "to 10 rules", "alone", "by a rule")
    for kind in ("mix", *SPREADS):
        counts = COUNTS if kind == "mix" else (FEW, MANY)
        results = run(BUILD / "bench-decide", 10 * rounds if kind == "mix" else rounds, COMMANDS,
                      *(POLICIES / kind / str(rules) for rules in counts))
        few = results[0]
        if kind == "mix":
            ping = few["ping"]
        for result in results:
            table.add(f"{kind}, {result['rules']}", f"{result['decide']:.3f} us", f"{result['decide_p99']:.3f} us",
                      times(result["decide"], few["decide"]), of_ping(result["decide"], result["ping"]),
                      f"{result['classify']:.3f} us", times(result["classify"], few["classify"]),
                      f"{result['lone']:.3f} us", f"{100 * result['by_rule']:.0f} %")
    return ping


def grown(table, name, counts, measure):
    """A peer's growth. measure(rules): a result of a program of the bench, or what to say in its place."""
    few = None
    for rules in counts:
        result = measure(rules)
        if isinstance(result, str):
            table.add(f"{name}, {rules}", "SKIPPED: " + result)
            return
        few = few or result
        table.add(f"{name}, {rules}", f"{result['p50']:.1f} us", f"{result['p99']:.1f} us",
                  times(result["p50"], few["p50"]), of_ping(result["p50"], result["ping"]))


def sudo(rounds, rules):
    """The rules are other users', and the last one allows it."""
    if not shutil.which("sudo"):
        return "no sudo here"
    write_sudoers("/etc/sudoers", rules)
    # Where each call takes long, fewer of them say as much.
    rounds = max(1, rounds * 10 // max(10, rules // 100))
    return run(BUILD / "bench-peer", rounds, "exec", "sudo", "-n", "-l", "/bin/true", user="alice")[0]


def write_sudoers(path, rules):
    lines = [f"user{n} ALL=(root) NOPASSWD: /usr/sbin/nvme smart-log /dev/nvme{n % 64}\n" for n in range(rules - 1)]
    path = pathlib.Path(path)
    path.write_text("".join([*lines, "alice ALL=(root) NOPASSWD: /bin/true\n"]))
    path.chmod(0o440)


def forget_polkit_rules():
    for old in POLKIT_RULES.glob("60-bench-*.rules"):
        old.unlink()


def polkit(rounds, rules):
    """The rules are other users', and none matches: polkit asks all of them. Its interpreter takes 65,536 in a file."""
    forget_polkit_rules()
    for first in range(0, rules, 10000):
        text = ['polkit.addRule(function(action, subject) {'
                f' if (action.id == "{ACTION}" && subject.user == "user{n}") return polkit.Result.YES; }});\n'
                for n in range(first, min(first + 10000, rules))]
        (POLKIT_RULES / f"60-bench-{first // 10000}.rules").write_text("".join(text))
    daemon = processes.start_polkit(120)  # it reads the rules first
    result = run(BUILD / "bench-peer", max(1, rounds * 10 // max(10, rules // 1000)), "polkit", ACTION, "alice")[0]
    daemon.stop()
    return result


def usbguard(rounds, rules, ping):
    program = BUILD / "bench-usbguard"
    if not program.exists():
        return "no libusbguard here"
    return {**run(program, rounds, rules)[0], "ping": ping}


def peers(table, rounds, ping):
    table.section("the others: one decision", "rules", "p50", "p99", "to 10 rules", "of a ping")
    grown(table, "sudo -l", COUNTS, lambda rules: sudo(rounds, rules))
    grown(table, "polkit", COUNTS, lambda rules: polkit(rounds, rules))
    grown(table, "usbguard", COUNTS, lambda rules: usbguard(rounds, rules, ping))


def loading(table):
    table.section(f"loading {MANY} rules", "", "time", "to libyaml", "peak memory")
    result = run(BUILD / "bench-load", 3, COMMANDS, POLICIES / "mix" / str(MANY))[0]
    table.add("libyaml alone, the same files", f"{result['parse']:.0f} ms", "1.00 x")
    table.add("fwctld (bounds: 3 s, 100 MiB)", f"{result['load']:.0f} ms", times(result["load"], result["parse"]),
              f"{result['grown'] / 1024:.1f} MiB")
    table.add("fwctld, freeing them", f"{result['free']:.1f} ms", times(result["free"], result["parse"]))
    if not shutil.which("visudo"):
        table.add("visudo -c", "SKIPPED: no sudo here")
        return
    write_sudoers("/tmp/sudoers", MANY)
    took = []
    for _ in range(3):
        began = time.monotonic()
        subprocess.run(["visudo", "-c", "-q", "-f", "/tmp/sudoers"], check=True, stdout=subprocess.DEVNULL)
        took.append(1000 * (time.monotonic() - began))
    table.add("visudo -c, as many rules", f"{sorted(took)[1]:.0f} ms", times(sorted(took)[1], result["parse"]))


def holdup(table, policy, cpus, daemons):
    """fwctld's answers while it reloads, on one CPU and on all. Who may reload, polkit says."""
    forget_polkit_rules()
    daemons.append(processes.start_polkit())
    table.section("a caller's commands, undisturbed and during ten reloads (bound: 50 ms); and the reloads",
                  "", "longest", "median", "longest", "median", "longest")
    for rules in (FEW, MANY):
        for old in policy.glob("60-*.yaml"):
            old.unlink()
        for path in (POLICIES / "mix" / str(rules)).iterdir():
            shutil.copy(path, policy)
        for where in (cpus, set(range(os.cpu_count()))):
            for pid in (0, *(daemon.pid for daemon in daemons)):
                os.sched_setaffinity(pid, where)
            monitor = processes.Monitor(f"--simulate={processes.SIMULATED}")
            broker = processes.Broker()
            result = run(BUILD / "bench-holdup", "/org/fwctld1/device/sim0", 10000, 10)[0]
            table.add(f"{rules} rules, on {len(where)} CPU{'s' * (len(where) > 1)}", f"{result['without']:.1f} ms",
                      f"{result['without_median']:.0f} us", f"{result['with']:.1f} ms", f"{result['with_median']:.0f} us",
                      f"{result['reload']:.0f} ms")
            broker.stop()
            monitor.stop()


def main():
    rounds = int(sys.argv[1])
    cpus = os.sched_getaffinity(0)
    policy = pathlib.Path("/etc/fwctld/policy.d")
    (policy / "50-default.yaml").write_text(DEFAULTS)
    pathlib.Path("/run/fwctld").mkdir()
    make_policies()
    table = Table()
    daemons = [processes.start_journal(), processes.start_bus()]
    # What systemd sets at boot; the tests' smaller queue would be measured as well.
    pathlib.Path("/proc/sys/net/unix/max_dgram_qlen").write_text("512")
    processes.fresh_devices()
    monitor = processes.Monitor(f"--simulate={processes.SIMULATED}")
    broker = processes.Broker()
    ping = decisions(table, rounds)
    peers(table, rounds, ping)
    broker.stop()
    monitor.stop()
    loading(table)
    holdup(table, policy, cpus, daemons)
    for daemon in reversed(daemons):
        daemon.stop()
    print("\n" + "=" * 80 + f"\nOne bus ping: {ping:.1f} us.")
    print("\n".join(table.lines), flush=True)


if __name__ == "__main__":
    main()
