"""Figures of the gateway on this machine: start, memory, processor, lateness, losses.

The gateway runs as a process of its own on the slcan bench that ``thermal-bms plant`` makes::

    python tools/bench_gateway.py                     a minute
    python tools/bench_gateway.py --minutes 60        a soak: does memory grow?
    python tools/bench_gateway.py --rate 4000         losses of the receive side at a full bus

Timings on a busy machine say little; the load is printed with them.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import can
import numpy as np

from thermal_bms.can.interface import BusSettings, open_bus
from thermal_bms.can.port import ArrivalKind, Port
from thermal_bms.can.slcan_pty import SlcanPty
from thermal_bms.clock import MonotonicClock
from thermal_bms.recording import Recording

MAIN = (sys.executable, "-m", "thermal_bms")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
SETTLE_S = 5.0


def resident_mib(pid: int) -> float:
    """Return the resident memory of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024.0


def processor_s(pid: int) -> float:
    """Return the processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def until_line(process: subprocess.Popen[str], words: str) -> None:
    """Read the log up to a line with these words."""
    for line in process.stderr or ():
        if words in line:
            return
    raise SystemExit("the process ended early")


def run(scenario: str, seconds: float) -> None:
    """Run bench and gateway and print what was measured."""
    with tempfile.TemporaryDirectory() as folder:
        command = [*MAIN, "plant", scenario, "--config", folder]
        plant = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)  # noqa: S603  # our own command
        until_line(plant, "bus active")
        starts = [start_time_s(folder) for _ in range(5)]
        gateway = start(folder)
        until_line(gateway, "commands go out")
        time.sleep(SETTLE_S)
        memory, used_s, begun_s = [resident_mib(gateway.pid)], processor_s(gateway.pid), time.perf_counter()
        while (elapsed_s := time.perf_counter() - begun_s) < seconds:
            time.sleep(min(5.0, seconds - elapsed_s + 0.01))
            memory.append(resident_mib(gateway.pid))
        share = (processor_s(gateway.pid) - used_s) / elapsed_s
        plant_share = processor_s(plant.pid) / (time.perf_counter() - begun_s)
        gateway.send_signal(signal.SIGTERM)
        gateway.communicate()
        plant.send_signal(signal.SIGTERM)
        plant.communicate()
        service = Recording(max((Path(folder) / "recordings").glob("*.rec"))).stream("service")
        late_ms = 1000.0 * service["lateness_s"]
        span_s = service["time_s"][-1] - service["time_s"][0]
        taken = service["frames_taken"][-1] - service["frames_taken"][0]
        sent = service["frames_sent"][-1] - service["frames_sent"][0]
        print(f"load of the machine            {os.getloadavg()[0]:.2f}")
        print(
            f"start to first command, s      {min(starts):.2f} (best of {len(starts)}, worst {max(starts):.2f})"
        )
        print(
            f"resident memory, MiB           {memory[0]:.1f}, after {elapsed_s / 60:.1f} min {memory[-1]:.1f}"
        )
        print(f"processor, share of one core   {share:.3f} (slcan driver included), plant {plant_share:.3f}")
        print(f"frames a second, in and out    {taken / span_s:.0f}, {sent / span_s:.0f}")
        print(
            "lateness of the loop, ms       p50 {:.2f}, p99 {:.2f}, max {:.2f}".format(
                *np.percentile(late_ms, [50, 99, 100])
            )
        )
        print(
            f"refused, dropped, skipped      {service['frames_refused'][-1]:.0f}, "
            f"{service['frames_dropped'][-1]:.0f}, {service['skipped_ticks'][-1]:.0f}"
        )


def start(folder: str) -> subprocess.Popen[str]:
    """Start a gateway on the bench in a folder."""
    config = Path(folder) / "gateway.toml"
    command = [*MAIN, "gateway", "--config", str(config)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)  # noqa: S603  # our own command


def start_time_s(folder: str) -> float:
    """Return the time from the start of a gateway to the moment at which its commands go out."""
    begun_s = time.perf_counter()
    gateway = start(folder)
    until_line(gateway, "commands go out")
    took_s = time.perf_counter() - begun_s
    gateway.send_signal(signal.SIGTERM)
    gateway.communicate()
    return took_s


def losses(rate: int, seconds: float) -> None:
    """Send numbered frames from another process and count those that do not arrive."""
    clock = MonotonicClock()
    with SlcanPty() as adapter:
        settings = BusSettings(
            interface="slcan", channel=str(adapter.path), options={"sleep_after_open": 0.0}
        )
        sender = os.fork()
        if sender == 0:
            send_numbers(adapter, rate, seconds)
            os._exit(0)
        port = Port(lambda: open_bus(settings), clock)
        port.start()
        numbers: list[int] = []
        took_s = 0.0
        while len(numbers) < rate * seconds and clock.now_s() < 2.0 * seconds + 10.0:
            time.sleep(0.02)
            took_s = clock.now_s()
            numbers += [
                int.from_bytes(arrival.frame.data, "little")
                for arrival in port.arrivals()
                if arrival.kind is ArrivalKind.FRAME
            ]
        port.stop()
        os.waitpid(sender, 0)
    total = round(rate * seconds)
    print(f"load of the machine            {os.getloadavg()[0]:.2f}")
    print(f"frames a second                {rate} wanted, {total / took_s:.0f} taken")
    print(f"lost, in order                 {total - len(numbers)} of {total}, {numbers == sorted(numbers)}")


def send_numbers(adapter: SlcanPty, rate: int, seconds: float) -> None:
    """Send frames that carry their number, at a rate."""
    while not adapter.wait_for_listener(0.0):
        adapter.recv(0.01)
    begun_s = time.perf_counter()
    for number in range(round(rate * seconds)):
        ahead_s = number / rate - (time.perf_counter() - begun_s)
        if ahead_s > 0.002:
            time.sleep(ahead_s)
        if adapter.dropped:
            return  # the reader has fallen behind by more than the terminal holds
        data = number.to_bytes(8, "little")
        adapter.send(can.Message(arbitration_id=0x18FF1080, data=data, is_extended_id=True), timeout=5.0)


def main() -> None:
    """Measure what the arguments ask for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scenario", default="heavy_lfp_truck_day")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--rate", type=int)
    arguments = parser.parse_args()
    if arguments.rate:
        losses(arguments.rate, 60.0 * arguments.minutes)
    else:
        run(arguments.scenario, 60.0 * arguments.minutes)


if __name__ == "__main__":
    main()
