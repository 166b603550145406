"""The Gradio demo: a page where anyone removes something from a photo."""
