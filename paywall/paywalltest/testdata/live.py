# Lives with an issuer: says when the verifier of docs/verify.md lets the token in, and
# what it says when that is over.
import sys
import time

from verify import Refused, Verifier

issuer, audience, token = sys.argv[1:]
verifier = Verifier(issuer, audience)
verifier.start()


def verdict():
    try:
        verifier.verify(token)
        return "accepted"
    except Refused as err:
        return err.verdict


def change(before):
    while verdict() == before:
        time.sleep(0.02)
    print(verdict(), flush=True)


while verifier._newest["seq"] < 0:  # so that only the next feed can say more
    time.sleep(0.02)
change("unavailable")
change("accepted")
