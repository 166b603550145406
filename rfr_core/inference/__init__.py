"""The same networks, quicker: folding, packing, compiling, devices, half precision, export."""
