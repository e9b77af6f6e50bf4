"""Telemetry: what leaves the truck over MQTT, what is kept meanwhile, and what may come back.

Nothing here is imported unless telemetry is configured. Nothing here reaches an actuator: what comes in ends in a
``Preview`` or in a proposal for settings.
"""
