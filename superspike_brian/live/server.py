"""The page as a server of this machine: for browsers on it, and through a tunnel; other hosts do not reach it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..errors import MissingPackageError, UserError
from .many import SweepSnapshot
from .snapshot import RunSnapshot
from .watcher import Watcher

ADDRESS, PORT, TRIES = "127.0.0.1", 5006, 20
REFRESH = 1000  # ms
# a name of this machine, at whatever port: that of a tunnel's other end is another one
_HERE = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d+)?", re.IGNORECASE)
_HEAD = """
{% block preamble %}
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body { margin: 0.5em 0 2em; }</style>
{% endblock %}
"""


def is_refused(host: str, origin: str | None) -> bool:
    """Whether a request is turned away: it was meant for another host, or another site's page made it.

    A page anywhere can make a browser ask this machine, and give its own name the address 127.0.0.1; what a browser never
    lets it do is to name another host or origin than its own.
    """
    if not _HERE.fullmatch(host):
        return True
    return origin is not None and urlsplit(origin).netloc.lower() != host.lower()


class Page:
    """A server of one folder's page; `url` is where it is.

    Parameters
    ----------
    watcher : Watcher
        What is shown.
    port : int, optional
        Where; default: the first free one from `PORT` on.

    Raises
    ------
    UserError
        If the port is taken.
    MissingPackageError
        If Bokeh is not installed.
    """

    def __init__(self, watcher: Watcher, port: int | None = None) -> None:
        self.watcher = watcher
        self._children: dict[str, Watcher] = {}
        with needed("bokeh"):
            import bokeh.server.server  # noqa: F401 - asked for before a port is taken
        self._sockets = _bound(port)
        self.url = f"http://{ADDRESS}:{self._sockets[0].getsockname()[1]}/"

    def serve(self, ready: Callable[[], object] = lambda: None) -> None:
        """Serve until the process is interrupted; `ready` is called once it is reachable."""
        self.watcher.start()
        try:
            asyncio.run(self._serve(ready))
        finally:
            for watcher in (self.watcher, *self._children.values()):
                watcher.stop()

    async def _serve(self, ready):
        from bokeh.application import Application
        from bokeh.application.handlers.function import FunctionHandler
        from bokeh.server.server import BaseServer
        from tornado.httpserver import HTTPServer
        from tornado.ioloop import IOLoop

        application = Application(FunctionHandler(self._fill))
        tornado = _guarded()({"/": application}, extra_websocket_origins=[ADDRESS], use_index=False)
        http = HTTPServer(tornado)
        http.add_sockets(self._sockets)
        BaseServer(IOLoop.current(), tornado, http).start()
        ready()
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        await self._end.wait()

    def close(self) -> None:
        """End `serve`, from another thread."""
        self._loop.call_soon_threadsafe(self._end.set)

    def _fill(self, document: Any) -> None:
        from .view import View

        watcher = self._watcher(document.session_context.request.arguments.get("run", [b""])[0].decode())
        view = View(linked=watcher is self.watcher)

        def update():
            view.update(watcher.latest)
            state = f" ({watcher.latest.state})" if isinstance(watcher.latest, RunSnapshot) else ""
            if document.title != (title := f"{watcher.path.name}{state}"):
                document.title = title

        update()
        document.template = _HEAD
        document.add_root(view.layout)
        document.add_periodic_callback(update, REFRESH)

    def _watcher(self, folder):
        """What watches a run of a sweep; the whole folder unless the sweep has one of this name."""
        latest = self.watcher.latest
        if not isinstance(latest, SweepSnapshot) or folder not in {row.folder for row in latest.rows}:
            return self.watcher
        if folder not in self._children:
            self._children[folder] = Watcher(Path(latest.path, folder))
            self._children[folder].start()
        return self._children[folder]


@contextmanager
def needed(what: str) -> Iterator[None]:
    """Say which extra is missing where an import fails."""
    try:
        yield
    except ImportError as error:
        raise MissingPackageError(
            f"watching needs {what}, which cannot be imported ({error}): pip install 'superspike_brian[watch]'"
        ) from None


def _guarded():
    """Bokeh's application, which turns away what `is_refused` says, whatever it asks for."""
    from bokeh.server.tornado import BokehTornado
    from tornado.web import ErrorHandler

    class Guarded(BokehTornado):
        websocket_origins = {"*"}  # noqa: RUF012 - looked at in find_handler, before any handler is chosen

        def find_handler(self, request, **options):
            if is_refused(request.host, request.headers.get("Origin")):
                return self.get_handler_delegate(request, ErrorHandler, {"status_code": 403})
            return super().find_handler(request, **options)

    return Guarded


def _bound(port):
    """Sockets at a port that is free."""
    from tornado.netutil import bind_sockets

    for each in [port] if port is not None else [*range(PORT, PORT + TRIES), 0]:
        try:
            return bind_sockets(each, ADDRESS)
        except OSError as error:
            if port is not None:
                raise UserError(f"--port {port} cannot be used ({error.strerror}): give another, or none") from error
    raise UserError(f"no port of {ADDRESS} is free")
