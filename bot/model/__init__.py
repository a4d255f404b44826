"""Asking a model: schema, repair, budget, stored exchanges."""
