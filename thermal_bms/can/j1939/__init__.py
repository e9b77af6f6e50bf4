"""SAE J1939: identifiers, address claim, transport protocol, requests and diagnostics.

Every part is pure: it takes frames and the time, and gives back frames and messages. Sources: SAE J1939-21
(data link), J1939-73 (diagnostics) and J1939-81 (network management).
"""
