"""Adds up what several runs of `meson test` found: summary.py [--failed TEXT]... NAME=LOG...

LOG is meson-logs/testlog.json of the build folder NAME. Every TAP line counts as one test, and a
program without TAP as one. Prints the skipped tests with their reason, the failed ones with the
place to look at, which test beds for devices ran, and as the last line `N passed, N failed, N
skipped`. The exit status is 0 only if something passed and nothing failed. `--failed TEXT` adds one
failure found outside of any program.
"""

import argparse
import json
import os
import re
import sys

TAP_PLAN = re.compile(r"^1\.\.(\d+)(?:\s*#\s*skip\S*\s*(.*))?", re.IGNORECASE | re.MULTILINE)
TAP_TEST = re.compile(r"^(not ok|ok)\b[ \d]*(?:- )?(.*)$", re.MULTILINE)
# The programs that run the list of behaviours of devices, and what carries the packets in each.
BEDS = {
    "behaviour-fake": "A (fake libusb)",
    "behaviour-umock": "B (libusb on umockdev)",
    "behaviour-vhci": "C (kernel with vhci-hcd)",
    "behaviour-gadget": "C with gadgets (FunctionFS)",
}
TAP_SKIP = re.compile(r"\s*#\s*skip\S*\s*(.*)$", re.IGNORECASE)


class Totals:
    def __init__(self):
        self.passed = 0
        self.failed = []
        self.skipped = []
        self.beds = {}

    def add_bed(self, name, record):
        """A bed ran if any of its behaviours was seen or missed."""
        verdicts = [not TAP_SKIP.search(text)
                    for _, text in TAP_TEST.findall(record["stdout"] or "")]
        if name in BEDS:
            self.beds[name] = f"ran, {sum(verdicts)} behaviours" if any(verdicts) else "did not run"

    def add_tap(self, program, record, plan):
        """Counts the lines of one TAP program, which announced as many as `plan` says."""
        failed_before = len(self.failed)
        tests = TAP_TEST.findall(record["stdout"])
        for verdict, text in tests:
            skip = TAP_SKIP.search(text)
            if verdict == "not ok":
                self.failed.append(f"{program}: {text}")
            elif skip:
                name = text[: skip.start()]
                self.skipped.append(f"{program}: {name}: {skip.group(1) or 'no reason given'}")
            else:
                self.passed += 1
        if plan.group(1) == "0" and plan.group(2):
            self.skipped.append(f"{program}: {plan.group(2)}")
        elif len(self.failed) > failed_before:
            return
        elif not tests or len(tests) != int(plan.group(1)):
            self.failed.append(f"{program}: ran {len(tests)} of {plan.group(1)} tests")
        elif record["result"] not in ("OK", "SKIP"):
            self.failed.append(f"{program}: {record['result']} after its tests")

    def add_program(self, program, record):
        output = record["stdout"] or ""
        plan = TAP_PLAN.search(output)
        if plan:
            self.add_tap(program, record, plan)
        elif record["result"] in ("OK", "EXPECTEDFAIL"):
            self.passed += 1
        elif record["result"] == "SKIP" and output.strip():
            self.skipped.append(f"{program}: {output.strip().splitlines()[-1]}")
        else:
            self.failed.append(f"{program}: {record['result']}, status {record['returncode']}")

    def add_log(self, name, path):
        where = os.path.splitext(path)[0] + ".txt"
        if not os.path.exists(path):
            self.failed.append(f"{name}: no test ran (no {path})")
            return
        with open(path, encoding="utf-8") as file:
            records = [json.loads(line) for line in file]
        failed_before = len(self.failed)
        for record in records:
            self.add_program(f"{name}: {record['name']}", record)
            self.add_bed(record["name"].split(" / ")[-1], record)
        for index in range(failed_before, len(self.failed)):
            self.failed[index] += f"  (see {where})"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--failed", action="append", default=[])
    parser.add_argument("logs", nargs="*", metavar="NAME=LOG")
    arguments = parser.parse_args()
    totals = Totals()
    totals.failed += arguments.failed
    for log in arguments.logs:
        totals.add_log(*log.split("=", 1))
    for title, entries in (("skipped", totals.skipped), ("failed", totals.failed)):
        for entry in entries:
            print(f"{title}: {entry}")
    if totals.beds:
        print("test beds: " + "; ".join(
            f"{text} {totals.beds.get(name, 'did not run')}" for name, text in BEDS.items()))
    print(f"{totals.passed} passed, {len(totals.failed)} failed, {len(totals.skipped)} skipped")
    return 0 if totals.passed > 0 and not totals.failed else 1


if __name__ == "__main__":
    sys.exit(main())
