"""``superspike watch``: a page of a run or a sweep, in the browser."""

import argparse
import logging
import os
import sys
import webbrowser
from pathlib import Path

from ..console.streams import say
from ..live.server import Page
from ..live.watcher import Watcher

PAGE = "watch"
EXAMPLES = (
    (
        "superspike watch runs/spike-timing-001",
        "a run that goes on, or has ended, or has not begun",
    ),
    (
        "superspike watch sweep --port 8000 --no-browser",
        "a sweep, at an address that you open yourself",
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add which folder, and where the page is."""
    parser.add_argument("dir", type=Path, help="folder of a run or a sweep, running or finished, or not there yet")
    parser.add_argument(
        "--port",
        type=int,
        metavar="N",
        help="port of 127.0.0.1, such as 8000 (default: the first free one from 5006 on)",
    )
    parser.add_argument(
        "--no-browser", action="store_true", help="print the address, and open no browser (default: open one)"
    )


def command(args: argparse.Namespace) -> None:
    """Serve the page until Ctrl-C."""
    if args.port is not None and not 1 <= args.port <= 65535:
        raise ValueError(f"--port {args.port}: expected a number from 1 to 65535")
    if args.dir.is_file():
        raise ValueError(f"{args.dir} is a file: give the folder of a run or a sweep")
    for name in ("bokeh", "tornado"):  # a line a request
        logging.getLogger(name).setLevel(logging.WARNING)
    page = Page(Watcher(args.dir), args.port)
    print(page.url, flush=True)
    say(f"watching {args.dir}; Ctrl-C ends this, and leaves the run alone")
    if not args.dir.exists():
        say(f"{args.dir} is not there yet: the page waits for it")
    try:
        page.serve(lambda: None if args.no_browser or not _has_screen() else webbrowser.open(page.url))
    except KeyboardInterrupt:
        print(file=sys.stderr)


def _has_screen():
    """Whether a browser has a window here; a text browser would take the terminal."""
    return sys.platform == "darwin" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))
