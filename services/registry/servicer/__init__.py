"""The gRPC methods, a few statements each: parse, operate, give the reply."""
