"""The story of a tonne of rare earths, told through the public API with each actor's own certificate.

It runs against any suite that a configuration file describes: one on this machine, or one in containers.
"""
