"""The paper's tables and figures as experiments: what is trained, how it is judged, and which claims hold."""
