"""The only files that know both the API's messages and the domain's values: parse and render, one file a resource.

Parsing collects every bad field of a request before it refuses.
"""
