"""``r2r doctor``: checks of the installation, the machine and Kafka."""
