"""Verifies license keys with PyJWT."""

import json
import sys

import jwt

with open(sys.argv[1], encoding="utf-8") as file:
    given = json.load(file)
key_set = jwt.PyJWKSet.from_dict(given["jwks"])
refused = 0
for license_key in given["keys"]:
    public = key_set[jwt.get_unverified_header(license_key)["kid"]].key
    options = {"require": ["iss", "jti", "sub", "iat"]}
    claims = jwt.decode(license_key, public, algorithms=["ES256"], issuer="qms-licensing", options=options)
    assert claims["seats"]["callRecording"] > 0
    header, payload, signature = license_key.split(".")
    changed = ".".join([header, payload, ("B" if signature[0] == "A" else "A") + signature[1:]])
    try:
        jwt.decode(changed, public, algorithms=["ES256"])
    except jwt.InvalidSignatureError:
        refused += 1
print(f"{len(given['keys'])} verified, {refused} changed ones refused")
