"""The only files with SQL. `tables` the rows · `posting` the hot, set-based path · `right` rights and settlement ·
`keys` enterprise keys learnt from the registry's log · `reads` pages for people · `checks` is every gram still there.
"""
