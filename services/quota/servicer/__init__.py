"""The API: each method parses, calls one operation, renders. What is refused leaves as the suite's Error."""
