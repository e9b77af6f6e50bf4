"""Model predictive control of the thermal system: reduced model, forecast, plan, fallback chain.

Nothing is imported here, so that the solver is loaded only when such a controller is built.
"""
