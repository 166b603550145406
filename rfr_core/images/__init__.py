"""Picture files and their pixels."""
