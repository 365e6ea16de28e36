"""The plugin process: `python -P -m indigo_host.process FD`, started in Server Plugin."""
# ruff: noqa: ANN401 - what crosses to a plugin has any type

import os
import socket
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

from indigo_host.host import Host
from indigo_host.module import build
from indigo_host.wire import Line


def arrange_paths(server_plugin: Path) -> None:
    """Put the bundle's folders first and take the host's own away."""
    own = str(Path(__file__).resolve().parent.parent)
    rest = [each for each in sys.path if each and str(Path(each).resolve()) != own]
    sys.path[:] = [str(server_plugin), str(server_plugin.parent / "Packages"), *rest]
    os.environ.pop("PYTHONPATH", None)


def load(server_plugin: Path, indigo: ModuleType) -> Any:
    """Run plugin.py with `indigo` as a global and give its Plugin class."""
    path = server_plugin / "plugin.py"
    module = ModuleType("plugin")
    module.__file__ = str(path)
    vars(module)["indigo"] = indigo
    sys.modules["plugin"] = module
    exec(compile(path.read_bytes(), str(path), "exec"), vars(module))
    return vars(module)["Plugin"]


def main() -> None:
    """Run a plugin until the server says stop or is gone."""
    server_plugin = Path.cwd()
    arrange_paths(server_plugin)
    line = Line(socket.socket(fileno=int(sys.argv[1])))
    host = Host(line, line.receive())
    indigo = build(host)
    threading.Thread(target=host.listen, name="line", daemon=True).start()
    host.begin(lambda: load(server_plugin, indigo), indigo)
    host.run()


if __name__ == "__main__":
    main()
