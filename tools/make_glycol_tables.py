"""Print the coefficients of ``plant_models/glycol.py``, fitted to CoolProp (a development tool only).

Usage: python tools/make_glycol_tables.py
"""

import numpy as np
from CoolProp.CoolProp import PropsSI

FLUID = "INCOMP::MEG-50%"
PRESSURE_PA = 1.5e5
THETA_K = np.arange(-35.0, 80.5, 1.0)
FITS = (  # name, CoolProp key, degree, logarithm
    ("specific heat", "C", 1, False),
    ("density", "D", 2, False),
    ("conductivity", "L", 1, False),
    ("viscosity", "V", 3, True),
)


def main() -> None:
    """Fit each property with relative weights; print coefficients, lowest power first, and largest error."""
    for name, key, degree, logarithm in FITS:
        values = np.array([PropsSI(key, "T", 273.15 + theta, "P", PRESSURE_PA, FLUID) for theta in THETA_K])
        if logarithm:
            coefficients = np.polyfit(THETA_K, np.log(values), degree)
            fitted = np.exp(np.polyval(coefficients, THETA_K))
        else:
            coefficients = np.polyfit(THETA_K, values, degree, w=1.0 / values)
            fitted = np.polyval(coefficients, THETA_K)
        error = np.abs(fitted / values - 1.0).max()
        print(f"{name}: {[float(f'{c:.10g}') for c in coefficients[::-1]]}, largest error {error:.2e}")


if __name__ == "__main__":
    main()
