"""Quota: how much rare earth may be mined and separated, and by whom.

It holds the quota key and log, and the ledger: the State's indicators, what groups and their subsidiaries were given of
them, and the rights that enterprises have reserved. It guards these invariants, each in the domain and again in SQL:

- Mass moves only by postings, in double entry, append-only, integer milligrams REO; every account is the sum of its
  postings.
- No bucket of an account is ever below zero, reservations counted. What is given on is received, what stands anywhere
  was issued: over all accounts of a year and kind, available + reserved + used is the national total.
- Quota is not tradable: in a year the nation gives to groups, a group to its own subsidiaries, and nobody else gives.
- No more of a batch is given than came in of it; and only to enterprises on the registry's register.
- What is taken back was free: nothing that was handed on, reserved or used is.
- A right is backed by a reservation that was committed before its signed bytes left the process.
- A draw is settled once for each pair of right and drawing statement, on the registry's log, in its order.
- Nothing of a right comes back to its holder before the registry has ended it, and only when the draws settled here add
  up to exactly what the registry says was drawn. No clock of ours frees a gram.
- An enterprise sees and moves its own quota only.

Quota asks the registry before it gives. It needs no peer to reserve, and the registry needs no quota to draw: what
passes between them is the signed right, and the registry's log, which is followed from where the last committed page
ended (docs/decisions/0004).
"""
