"""Floor 0: the resources of this process, and the machine it runs on."""
