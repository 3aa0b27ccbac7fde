"""Jobs: the worker's process, the queue, the live session, requests and results."""
