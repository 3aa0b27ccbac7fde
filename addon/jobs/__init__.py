"""The worker and its jobs: the process, the queue, the live session, requests and results."""
