"""Use cases: what is read, decided and signed, and where a transaction begins and ends.

`commit` is the one transaction of all commands · `allocation`, `right` and `reading` the callers' use cases · `closing`
ends rights through the registry · `evidence` and `settlement` take in its log · `signing` writes our statements.
"""
