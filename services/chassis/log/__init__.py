"""A service's transparency log: RFC 9162 tree over the statements it took in, one signed head a batch, receipts.

`order` and `growth` are pure; `nodes` keeps the tree in the database; `heads` signs; `memory` remembers outside of the
database what was signed; `receipts` hands out proofs; `reading` and `servicer` answer everybody else. Who leads, and
when a batch is made, is the `sequencer`'s.
"""
