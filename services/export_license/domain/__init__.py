"""The rules of export licensing, pure: values in, values out or a refusal raised. No clock, no SQL, no gRPC.

`control_items` says what a lot is under the control lists, `cases` takes an application to its decision, `licences`
keeps the lines of a licence, `customs` takes an act of export to its end.
"""
