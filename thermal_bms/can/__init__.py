"""The bus: message definitions (DBC), codec, SAE J1939 and end-to-end protection.

Everything here is pure: time and frames are arguments, frames and values come back. Nothing opens an interface,
and nothing that a bus may carry raises an exception.
"""
