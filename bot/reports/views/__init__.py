"""What the documents of a cycle show, one module a document: computed from the record, and nothing else."""
