"""The suite in containers: an engine (found or private), images without a registry, the story against them."""
