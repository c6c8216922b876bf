"""The registry: what exists, where it came from, who holds it.

It holds the registry's signing key and log, the enterprises and their keys, and every lot from its first entry to
its end.
It guards these invariants, each in the domain and again in SQL:

- An outpoint is spent once. Of two writes that spend it one commits; the other learns who was first.
- A lot id is issued before it is used, and born once.
- On a right no more is drawn than its mass, nothing by anybody but its holder, nothing after it was closed.
- A right ends once, by a signed `right-closed` that says what was drawn in all; a right never seen can be closed too.
- A held lot is not spent; a lot locked for export is not taken back.
- An export act ends once, exported or void; an act never seen can be voided, and is void from then on.
- What was signed and not committed never leaves the process; what was committed is signed, logged and audited.

One pipeline writes every kind of statement (`operations/pipeline.py`): command, inputs, decision, signature, then one
transaction for many callers that decides again on locked rows (`storage/flush.py`, `domain/admission.py`). The rules
of a
step itself are the library's (`monazite_provenance.steps`), the same that a verifier applies offline.
"""
