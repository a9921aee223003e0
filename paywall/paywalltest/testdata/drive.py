# Reads the vectors, hands each token twice to the verifier of docs/verify.md, and prints
# what becomes of it.
import json
import sys

from verify import Refused, Verifier

with open(sys.argv[1]) as file:
    v = json.load(file)
verifier = Verifier(v["issuer"], v["audience"], now=lambda: v["now"])


def verdict_of(token):
    try:
        verifier.verify(token)
        return "accepted"
    except Refused as err:
        return err.verdict


def verdicts():
    return {t["name"]: verdict_of(t["token"]) for t in v["tokens"]}


def refuses(what):
    try:
        what()
        return False
    except (ValueError, Refused):
        return True


before = verdict_of(v["tokens"][0]["token"])
verifier.use_keys(v["jwks"])
verifier.use_feed(v["revocations"])
first = verdicts()
empty_keys = refuses(lambda: verifier.use_keys({"keys": []}))
token_as_feed = refuses(lambda: verifier.use_feed(v["tokens"][0]["token"]))
print(json.dumps({"before": before, "first": first, "second": verdicts(), "emptyKeys": empty_keys, "tokenAsFeed": token_as_feed}))
