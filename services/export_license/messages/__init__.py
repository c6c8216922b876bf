"""The only place that knows both protos and domain: requests become commands, views become replies."""
