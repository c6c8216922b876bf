"""Rules of the registry, pure: values in, values out or an error raised. No clock, no SQL, no gRPC, no async.

`records` are the rows that rules read; `change` is what one write asks of them; `admission` decides it against them,
once
before signing and once more on locked rows. `steps` turns commands into drafted statements, `rights`, `exports` and
`enterprises` hold the rules of their resources.
"""
