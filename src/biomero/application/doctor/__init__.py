"""Use case: find what is wrong between this machine and a compute node, and say what to do.

Each check is a small function that yields findings; `biomero.application.doctor.examine` has their order.
"""
