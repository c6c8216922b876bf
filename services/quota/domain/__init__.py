"""The rules of quota, pure: values in, values or an Error out. No clock, no SQL, no gRPC, no async.

`ledger` accounts and postings · `allocation` indicators and who gives what to whom · `right` one right's life ·
`settlement` what the registry's log does to rights · `ownership` who may see and do what on loaded data.
"""
