"""Thin adapters over `rfr_core`: the ComfyUI nodes, and the demo."""
