"""Training samples: pictures, holes, data set layouts, shards."""
