"""What the tests run against: this engine, a real dev server, or nothing at all."""

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

import sdk

KINDS = ["engine", "temporal", "nothing"]

# What the SDK's own runner switches on in its dev server.
SETTINGS = [
    "frontend.enableServerVersionCheck=false",
    "frontend.enableUpdateWorkflowExecution=true",
    "frontend.enableUpdateWorkflowExecutionAsyncAccepted=true",
    "system.enableEagerWorkflowStart=true",
    "frontend.workerVersioningWorkflowAPIs=true",
    "frontend.workerVersioningDataAPIs=true",
    "system.enableDeploymentVersions=true",
    "component.nexusoperations.recordCancelRequestCompletionEvents=true",
    "frontend.WorkerHeartbeatsEnabled=true",
    "frontend.ListWorkersEnabled=true",
    "frontend.enableCancelWorkerPollsOnShutdown=true",
    "frontend.workerCommandsEnabled=true",
    "system.enableCancelActivityWorkerCommand=true",
    "history.enableWorkflowTaskCompletionPagination=true",
    "system.transactionSizeLimit=33554432",
    "matching.rps=12000",
]
SEARCH_ATTRIBUTES = ["CustomTextField=Text", "CustomIntField=Int"]


@contextlib.contextmanager
def start(kind):
    """A fresh server of this kind for as long as the block lasts; yields its address."""
    port = free_port()
    if kind == "nothing":
        yield f"http://127.0.0.1:{port}"
        return
    with tempfile.TemporaryDirectory(prefix="sdk-tests-") as directory:
        command = engine(directory, port) if kind == "engine" else dev_server(port)
        log = open(sdk.ROOM / f"{kind}.log", "wb")
        server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            wait_for(server, port)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait()
            log.close()


def engine(directory, port):
    sdk.cargo(["build", "-p", "engine", "--example", "serve"], cwd=sdk.ROOT)
    # What runs stays what it is, also when the example is built again meanwhile.
    program = shutil.copy(sdk.ROOT / "target/debug/examples/serve", directory)
    return [program, str(pathlib.Path(directory) / "engine.db"), f"127.0.0.1:{port}"]


def dev_server(port):
    found = os.environ.get("REMIT_TEST_TEMPORAL_BIN") or shutil.which("temporal")
    command = [found or pathlib.Path.home() / "go/bin/temporal", "server", "start-dev"]
    command += ["--headless", "--port", str(port), "--log-level", "error"]
    for setting in SETTINGS:
        command += ["--dynamic-config-value", setting]
    for attribute in SEARCH_ATTRIBUTES:
        command += ["--search-attribute", attribute]
    return command


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(server, port, patience=60):
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if server.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.1)
    raise SystemExit("the server did not start; its output is below target/sdk-tests")
