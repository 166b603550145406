"""What the library costs, beside a plain form of the same network and beside other packages."""
