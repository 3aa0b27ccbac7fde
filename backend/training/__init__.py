"""One trainer for all methods: `levelform train`."""
