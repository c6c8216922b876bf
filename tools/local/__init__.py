"""What a developer's machine needs to run the suite: PostgreSQL from a wheel, a development CA, a launcher.

Used by tests, the demo, `make up` and the benchmarks; never by a service.
"""
