"""Upstash Workflow: runs of steps over messages. Pure: values and the time in, `Change`s out."""
