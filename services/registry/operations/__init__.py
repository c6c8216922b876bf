"""Use cases: what is read, decided and signed, and where a transaction begins and ends.

`pipeline` is the one way in which anything is written; `lots`, `submitted`, `holds`, `rights`, `exports` and
`enterprises`
build what goes through it; `reading` and `bundles` answer reads; `following` takes in quota's log.
"""
