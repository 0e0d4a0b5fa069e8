"""Schemathesis over the whole of infra/openapi.yaml, against a running local stack, as each role and as anyone.

    make contract
    .cache/local with -- .cache/schemathesis/bin/python infra/local/contract/run.py [CALLER ...]

Every caller asks every operation a little. What answers with more than "no token" and "not your role" is then asked in
full: generated requests and chains of them, and, by the first caller whom it answers, the edge values of every parameter
and member. What is public is asked in full by the one without a token alone. Fails on the first caller with a finding,
for an operation that nobody got an answer of 2xx from, and when it takes longer than LIMIT.
"""

import collections
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[3]
FILE = ROOT / "infra" / "openapi.yaml"
CALLERS = ["anyone", "sales", "support", "accounting", "admin"]
LIMIT = 240  # seconds for everything, on a machine that does other things too; alone it takes a bit over a minute
MORE = 4  # times that what nobody has got through to is asked again
REQUESTS = 150  # generated requests per caller and phase, shared among the operations that are asked in full
SLOW = ["reconcile"]  # looks through everything that is stored: asked a little and at its edges, and not in full

began = time.monotonic()


def operations():
    """The operationIds of the file, each with whether it is public."""
    paths = yaml.safe_load(FILE.read_text(encoding="utf-8"))["paths"]
    return {operation["operationId"]: not operation.get("security") for item in paths.values() for operation in item.values()}


def token(role):
    return subprocess.run([ROOT / ".cache" / "local", "token", "-role", role], check=True, capture_output=True, text=True).stdout.strip()


class Run:
    def __init__(self, folder, caller):
        self.folder, self.caller = folder, caller
        self.authorization = [] if caller == "anyone" else ["--header", f"Authorization: Bearer {token(caller)}"]

    def ask(self, ids, phases, each, mode="all"):
        """Asks operations and returns what was answered: a Counter of (status, code) per operationId."""
        record = self.folder / "record"
        environment = os.environ | {
            "SCHEMATHESIS_HOOKS": "checks", "PYTHONPATH": str(Path(__file__).parent), "PYTHONDONTWRITEBYTECODE": "1",
            "CONTRACT_CALLER": self.caller, "CONTRACT_RECORD": str(record), "CONTRACT_KNOWN": str(self.folder / "known"),
        }
        command = [
            Path(sys.executable).with_name("schemathesis"), "--config-file", Path(__file__).with_name("schemathesis.toml"),
            "run", FILE, "--url", os.environ["BASE_URL"], "--phases", phases, "--max-examples", str(each),
            "--mode", mode, "--no-color",
            *self.authorization, *(f"--include-operation-id={one}" for one in ids),
        ]
        left = max(LIMIT - (time.monotonic() - began), 1)
        try:
            done = subprocess.run(command, env=environment, cwd=self.folder, capture_output=True, text=True, timeout=left)
        except subprocess.TimeoutExpired:
            sys.exit(f"FAIL: schemathesis as {self.caller} is not done, and {LIMIT} s are over: lower REQUESTS in {__file__}, or look what became slow")
        if done.returncode != 0:
            sys.exit(f"{done.stdout}\n{done.stderr}\nFAIL: schemathesis as {self.caller} (above)")
        answers = collections.defaultdict(collections.Counter)
        for line in record.read_text(encoding="utf-8").splitlines():
            answer = json.loads(line)
            answers[answer["operation"]][answer["status"], answer["code"]] += 1
        return answers


def lets_in(answers):
    return any(status != 401 and code != "forbidden" for status, code in answers)


def tell(caller, answers, seconds):
    print(f"{caller}: {total(answers)} requests in {seconds:.0f} s")
    for one, counts in answers.items():
        print(f"  {one:20}", *(f"{code or status}×{n}" for (status, code), n in sorted(counts.items(), key=str)))


def total(answers):
    return sum(counts.total() for counts in answers.values())


def through(answers):
    """The operations that were answered 2xx."""
    return {one for one, counts in answers.items() if any(status < 300 for status, _ in counts)}


def in_turn(folder, callers, public):
    """Asks as one caller after the other and returns how many requests that were."""
    asked, answered, at_its_edges = 0, set(), set()
    for caller in callers:
        since = time.monotonic()
        run = Run(folder, caller)
        answers = run.ask(public, "examples,fuzzing", 6)
        in_full = [one for one in public if lets_in(answers[one]) and public[one] == (caller == "anyone")]
        first = [one for one in in_full if one not in at_its_edges]
        at_its_edges |= set(first)
        generated = [one for one in in_full if one not in SLOW]
        for ids, phases in ((first, "coverage"), (generated, "fuzzing,stateful")):
            if ids:
                for one, counts in run.ask(ids, phases, max(5, REQUESTS // len(in_full))).items():
                    answers[one] += counts
        # What is in order by the file may still break a rule: again with such alone, by now with more to name.
        for _ in range(MORE):
            left = [one for one in in_full if one not in answered | through(answers)]
            if not left:
                break
            for one, counts in run.ask(left, "examples,fuzzing", 60, "positive").items():
                answers[one] += counts
        tell(caller, answers, time.monotonic() - since)
        answered |= through(answers)
        asked += total(answers)
    if callers == CALLERS and (closed := [one for one in public if one not in answered]):
        sys.exit(f"FAIL: nobody got an answer of 2xx from {', '.join(closed)}: give each an example in infra/openapi.yaml that the "
                 "demo data makes good, or teach checks.py which values it takes")
    return asked


def main():
    public = operations()
    with tempfile.TemporaryDirectory(prefix="qms-contract") as folder:
        asked = in_turn(Path(folder), sys.argv[1:] or CALLERS, public)
    print(f"{asked} requests of {len(public)} operations in {time.monotonic() - began:.0f} s: no answer that infra/openapi.yaml does not describe")


main()
