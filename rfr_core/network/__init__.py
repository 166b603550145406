"""RFR-Net itself, in the released form and in the paper's, and the plug-in module."""
