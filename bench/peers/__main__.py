"""`python -m bench.peers`: measure the peers and print one JSON object as the last line."""

from __future__ import annotations

import argparse
import json

from bench.peers.install import ensure_installed
from bench.peers.run import PEERS, measure_peers, services_running_already


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line; `--help` explains it."""
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("--seconds", type=int, default=10, help="how long each peer is loaded (10)")
    parser.add_argument("--only", choices=PEERS, action="append", help="measure only this peer; may be repeated")
    parser.add_argument("--server-cores", metavar="LIST", help="pin the peers, as taskset takes it: 0 or 0,1")
    parser.add_argument("--loader-cores", metavar="LIST", help="pin the load generator")
    parser.add_argument("--no-install", action="store_true", help="install nothing; leave out what is missing")
    return parser.parse_args(arguments)


def main() -> None:
    """Install what may be installed, measure, print."""
    arguments = parse_arguments()
    if not arguments.no_install:
        ensure_installed()
    for package in services_running_already():
        print(f"{package} runs as a service here and disturbs what is measured: stop it for good figures.")
    figures = measure_peers(
        arguments.only or list(PEERS),
        seconds=arguments.seconds,
        server_cores=arguments.server_cores,
        loader_cores=arguments.loader_cores,
    )
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
