"""`monazite`: the officers' hands. Speaks gRPC like everybody else and knows no service from inside."""
