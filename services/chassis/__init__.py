"""What every Monazite service stands on, and the only package that all of them import. It knows none of them.

It guards what must be the same everywhere: who is calling and whether that kind of caller may call at all
(`identity`, `access`, `server`),
that nothing but typed errors leaves (`errors`), that a request is done once (`store`), that a change, its log entry,
its audit row and its reply
commit together or not at all (`store`, `committer`), and that a log has one order without holes (`sequencer`, `log`,
`follower`).
"""
