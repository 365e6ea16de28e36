"""Where requests come from and events go to; one file per host."""
