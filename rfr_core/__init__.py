"""RFR-Net image inpainting."""
