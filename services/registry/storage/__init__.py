"""All SQL of the registry. Hot paths are set-based and prepared: one query for every row that a whole batch of
writes needs.

`loading` reads or locks rows, `saving` writes what a decision changed, `flush` puts a batch through both; `lots`,
`rights`,
`exports` and `enterprises` are reads of their resources, `bundles` gathers the graph behind one head.
"""
