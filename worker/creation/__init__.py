"""Documents that do not exist yet, created exactly once: the lifecycle, the verbs and what they need from the world."""
