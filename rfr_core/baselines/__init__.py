"""The networks that the paper compares RFR-Net with."""
