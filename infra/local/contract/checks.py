"""What schemathesis does besides its own: three checks of this API, real values put into requests, and a record.

CONTRACT_CALLER is who calls ("anyone" has no token), CONTRACT_RECORD the file that gets one JSON object per answer,
CONTRACT_KNOWN the file that keeps what earlier answers named.
"""

import atexit
import datetime
import json
import os
import random
from pathlib import Path

import schemathesis
from schemathesis.core.parameters import ParameterLocation as At

caller = os.environ["CONTRACT_CALLER"]
known_file = Path(os.environ["CONTRACT_KNOWN"])
record = open(os.environ["CONTRACT_RECORD"], "w", encoding="utf-8")

# Values of members by name, and per collection ("/v1/licenses") the things in it: per id the last version and status seen, and
# whether it is fresh.
known = {"members": {}, "things": {}, "serial": 0}
if known_file.exists():
    known = json.loads(known_file.read_text(encoding="utf-8"))
serial = known["serial"]  # of requests: it goes on from process to process, so that none tries what another did
dice = random.Random(f"contract {caller} {serial}")

# Members and parameters that take a value which an answer had under the same name.
NAMES = ("serverToken", "licenseKey", "cursor", "lineageId", "checkpoint")
# Those that take the id of a thing, and the collection that it is in; of requestId it depends on what is asked.
IDS = {"replaces": "/v1/licenses", "convertsTrial": "/v1/licenses", "licenseId": "/v1/licenses", "run": "/v1/reconcile"}
REQUESTS = {"/v1/licenses": "/v1/license-requests", "/v1/exceptions": "/v1/exception-requests"}
KEPT = 40  # values per name: the newest


@atexit.register
def keep():
    known["serial"] = serial
    known_file.write_text(json.dumps(known), encoding="utf-8")
    record.close()


def remember(values, value):
    if value in values:
        values.remove(value)
    values.append(value)
    del values[:-KEPT]


def collection(path):
    """The path up to its first parameter or id: /v1/licenses of /v1/licenses/{id}/renew."""
    return path.split("/{")[0]


def learn(case, response):
    """Remembers what an answer names: things with their ETag, and values of members."""
    try:
        body = response.json()
    except ValueError:
        return
    if isinstance(body, dict) and response.status_code == 409:
        unlearn(case, body.get("params") or {})
    for thing in things_in(body):
        for name in NAMES:
            if isinstance(thing.get(name), str):
                remember(known["members"].setdefault(name, []), thing[name])
        for condition in thing.get("missing") or []:  # of a license request: the conditions that are not met yet
            remember(known["members"].setdefault("condition", []), condition)
        if isinstance(thing.get("id"), str) and "kind" not in thing:  # a document that a history names has its kind
            within = "/v1/licenses" if "licenseKey" in thing else collection(case.operation.path)
            there = known["things"].setdefault(within, {})
            there.pop(thing["id"], None)
            there[thing["id"]] = {"version": thing.get("version"), "status": thing.get("status", thing.get("state")), "fresh": is_fresh(thing)}
            for old in [one for one, kept in there.items() if not kept["fresh"]][:-KEPT]:
                del there[old]


def is_fresh(thing):
    """A base license of the last days: one that may still be corrected."""
    return thing.get("type") in ("permanent", "subscription") and thing.get("issuedOn", "") > str(datetime.date.today() - datetime.timedelta(days=5))


def unlearn(case, params):
    """A refusal tells the state of what was named: it was changed by another operation than its own, or by somebody else."""
    named = params.get("licenseId") or (case.path_parameters or {}).get("id")
    within = "/v1/licenses" if "licenseId" in params else collection(case.operation.path)
    state = params.get("status", params.get("state"))
    if state and named in known["things"].get(within, {}):
        known["things"][within][named]["status"] = state


def things_in(value):
    """Every object within a JSON value."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for member in value:
            yield from things_in(member)


def positive(case, where):
    return case.meta is not None and not case.meta.is_negative_at(where)


# What is in such a state can be changed no more; a third of the requests name it all the same.
OVER = ("superseded", "revoked", "void", "expired", "issued", "declined", "withdrawn", "granted", "used", "replaced")


def choose(within, spare=0, fresh=False):
    """The id of a known thing of a collection; None if there is none. Of those that can be changed the first few are spared."""
    things = known["things"].get(within, {})
    current = [one for one, thing in things.items() if thing["status"] not in OVER and (thing["fresh"] or not fresh)]
    left = [one for one in things if one not in current[:spare]]
    if current[spare:] and dice.random() < 0.67:
        return dice.choice(current[spare:])
    return dice.choice(left) if left else None


def version_of(one):
    return known["things"]["/v1/licenses"][one]["version"] or 1


def real(name, path, generated):
    """A real value for a member or parameter, None if none is known."""
    if name == "licenseIds":
        return sorted({choose("/v1/licenses") for _ in generated} - {None}) or None
    if name == "licenses":
        chosen = sorted({choose("/v1/licenses") for _ in generated} - {None})
        return [{"licenseId": one, "version": version_of(one)} for one in chosen] or None
    if name == "conditions" and (names := known["members"].get("condition")):
        return [one | {"name": dice.choice(names)} for one in generated]
    if within := REQUESTS.get(path) if name == "requestId" else IDS.get(name):
        return choose(within)
    values = known["members"].get(name)
    return dice.choice(values) if name in NAMES and values else None


@schemathesis.hook
def before_call(context, case, kwargs):
    """Puts real values into most requests, where what was generated is in order: nobody guesses an id."""
    global serial
    serial += 1
    headers = case.headers if case.headers is not None and positive(case, At.HEADER) else {}
    if "Idempotency-Key" in headers and dice.random() < 0.9:
        headers["Idempotency-Key"] = f"{caller}-{serial}"
    if dice.random() < 0.25:
        return
    path, named = case.operation.path, None
    spare = 3 if path.endswith("/withdraw") else 0  # those who withdraw requests come before those who decline and answer them
    if case.path_parameters and positive(case, At.PATH) and "id" in case.path_parameters and (named := choose(collection(path), spare, path.endswith("/correct"))):
        case.path_parameters["id"] = named
    for where, values in ((At.PATH, case.path_parameters), (At.QUERY, case.query), (At.BODY, case.body)):
        if not isinstance(values, dict) or not positive(case, where):
            continue
        for name in list(values):
            if value := real(name, path, values[name]):
                values[name] = value
        if where == At.BODY:
            named = values.get("replaces", named)
            if "serverToken" in values and dice.random() < 0.5:
                values["serverToken"] = f"CONTRACT-{caller.upper()}-{serial}"  # a server that has no license yet
    if "If-Match" in headers and named in known["things"].get("/v1/licenses", {}):
        headers["If-Match"] = f'"{version_of(named)}"'


@schemathesis.hook
def after_call(context, case, response):
    learn(case, response)
    code = None
    if response.headers.get("content-type", [""])[0].startswith("application/problem+json"):
        code = response.json().get("code")
    line = {"operation": case.operation.definition.raw.get("operationId"), "status": response.status_code, "code": code}
    record.write(json.dumps(line) + "\n")


@schemathesis.check
def only_refusals_are_default(ctx, response, case):
    """`default` documents refusals alone: an answer of less than 400 has a status that is written out."""
    written = case.operation.definition.raw["responses"]
    assert response.status_code >= 400 or str(response.status_code) in written, f"{response.status_code} is not written out"


@schemathesis.check
def refusal_has_its_shape(ctx, response, case):
    """A problem says its own status; {"message"} comes only with what API Gateway itself answers."""
    if response.status_code < 400:
        return
    kind = response.headers.get("content-type", [""])[0]
    if kind.startswith("application/problem+json"):
        assert response.json()["status"] == response.status_code, "the problem names another status"
    else:
        assert response.status_code in (400, 401, 403, 404, 413, 429), f"API Gateway does not answer {response.status_code}"


@schemathesis.check
def refusal_is_listed(ctx, response, case):
    """A problem's code is one that the file lists for the operation, or for every one."""
    if response.headers.get("content-type", [""])[0].startswith("application/problem+json"):
        raw, every = case.operation.definition.raw, case.operation.schema.raw_schema["components"]["responses"]["Refused"]
        listed = raw.get("x-refusals", []) + every["x-refusals"] + (every["x-refusals-with-body"] if "requestBody" in raw else [])
        assert response.json()["code"] in listed, f"{response.json()['code']} is not in the operation's x-refusals"


@schemathesis.check
def staff_need_a_token(ctx, response, case):
    """Without a token an operation for staff is 401, and no public one is."""
    if caller == "anyone" and case.method == case.operation.method.upper():
        staff = bool(case.operation.definition.raw.get("security"))
        assert staff == (response.status_code == 401), f"{response.status_code} without a token"
