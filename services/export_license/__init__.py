"""Export licensing: what may leave the country, to whom, for what.

Guards the licensing key and its log. Holds the cases, the control items with the rule sets that were in force, the
licences, and what customs has drawn down from them. Asks the registry for lots; never reads another's database.

Invariants, each kept by the domain and again by a constraint in SQL:

- A case opens only on lots whose bundles *this* service verified itself, held by the applicant, unspent, without hold;
  and a licence is granted only on lots that are so when it is countersigned.
- A decision takes two persons: proposer and countersigner are different officers.
- A decision names the hash of the rule set and the day it was applied to, and can be replayed from what is stored.
- Of each licence line: granted = reserved + used + available, and none of them is below zero.
- An act of export reserves before the registry is asked to lock, and ends EXPORTED or VOID, once. A reservation is
  given back only on a signed export-void, and turns into use only on the registry's signed accept of our own intent.
- A suspension takes effect at write-off: no intent is signed under a licence that is not usable at that moment.
- Nothing is signed and no peer is called while a transaction is open.
"""
