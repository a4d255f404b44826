"""The files at hand, parsed and resolved: modules, scopes, definitions, what an expression stands for."""
