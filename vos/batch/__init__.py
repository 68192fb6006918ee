"""Many clips: found by name, segmented one by one or several at a time, told of in a report."""
