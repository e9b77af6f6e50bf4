"""Write check values for the tests with the package autosar-e2e 1.0.0 as oracle.

    python tools/make_e2e_vectors.py tests/reference/e2e_vectors.json

Run it in an environment of its own: ``pip install autosar-e2e==1.0.0``.
"""

import argparse
import json
import random
from pathlib import Path

from e2e.p01 import (
    E2E_P01_DATAID_ALT,
    E2E_P01_DATAID_BOTH,
    E2E_P01_DATAID_LOW,
    E2E_P01_DATAID_NIBBLE,
    e2e_p01_protect,
)
from e2e.p02 import e2e_p02_protect

MODES = {
    "BOTH": E2E_P01_DATAID_BOTH,
    "ALTERNATING": E2E_P01_DATAID_ALT,
    "LOW": E2E_P01_DATAID_LOW,
    "NIBBLE": E2E_P01_DATAID_NIBBLE,
}
ID_LIST = bytes.fromhex("5B0E93D7286CF14AB53F80E21D679CC4")


def main() -> None:
    """Write the vectors: what went in, and a whole counter cycle of what came out."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    rng = random.Random(1)  # noqa: S311  # test data
    vectors = []
    for length in (2, 5, 8, 20):
        for profile, mode in [*(("P01", mode) for mode in MODES), ("P02", "BOTH")]:
            data = bytearray(rng.randbytes(length))
            data[1] &= 0xF0
            data_id = rng.randrange(1 << 16) if mode != "NIBBLE" else rng.randrange(1 << 12)
            start = bytes(data)
            protected = []
            for _ in range(17):
                if profile == "P01":
                    e2e_p01_protect(data, data_id, data_id_mode=MODES[mode], length=length)
                else:
                    e2e_p02_protect(data, ID_LIST, length=length)
                protected.append(data.hex())
            vectors.append(
                {
                    "profile": profile,
                    "mode": mode,
                    "data_id": data_id,
                    "data": start.hex(),
                    "protected": protected,
                }
            )
    content = {"source": "autosar-e2e 1.0.0", "data_id_list": ID_LIST.hex(), "vectors": vectors}
    out.write_text(json.dumps(content, indent=1) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
