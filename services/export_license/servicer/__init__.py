"""The gRPC methods, three statements each: parse, operate, render."""
