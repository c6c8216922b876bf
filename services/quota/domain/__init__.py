"""The rules of quota, pure: values in, values or an Error out. No clock, no SQL, no gRPC, no async.

`ledger` accounts and postings · `allocation` indicators and what is given · `givers` who may give to whom · `batches`
what is left of a batch · `books` all that a give moves · `reduction` allocations taken back · `right` one right's life
· `settlement` what the registry's log does to rights · `ownership` who may see and do what on loaded data.
"""
