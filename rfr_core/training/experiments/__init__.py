"""The paper's tables and ablations at small scale."""
