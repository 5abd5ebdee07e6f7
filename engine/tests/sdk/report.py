"""docs/compatibility.md, out of what the tests gave, the reasons beside this file, and what the
sources and the protocol say is built."""

import fnmatch
import pathlib
import re
import textwrap

import sdk

HERE = pathlib.Path(__file__).resolve().parent
PAGE = sdk.ROOT / "docs/compatibility.md"
DOOR = sdk.ROOT / "engine/src/door/table.rs"
DECISIONS = sdk.ROOT / "engine/src/core/commands/decisions/mod.rs"

# Services in the order of the page, with the function of the door's table that answers them.
SERVICES = {
    "WorkflowService": "workflow_service",
    "OperatorService": "operator_service",
    "TestService": "test_service",
}


def kept(server):
    """What each test gave the last time: {name: "passed" | "failed" | "timed out" | "skipped"}."""
    path = HERE / "results" / f"{server}.txt"
    if not path.exists():
        return {}
    pairs = (line.split(": ") for line in path.read_text().splitlines())
    return {name: result for name, result in pairs}


def keep(server, names, results):
    """Adds to what is kept; forgets tests that are no more."""
    merged = {**kept(server), **results}
    path = HERE / "results" / f"{server}.txt"
    path.parent.mkdir(exist_ok=True)
    lines = [f"{name}: {merged[name]}\n" for name in sorted(names) if name in merged]
    path.write_text("".join(lines))


def write():
    sections = [head(), *map(rpcs, SERVICES), commands(), tests()]
    PAGE.write_text("\n".join(sections))
    print(f"written: {PAGE.relative_to(sdk.ROOT)}")


def head():
    _, version = sdk.package("temporalio-protos")
    return f"""# Compatibility of the embedded engine

What of Temporal's API the [engine](../engine/README.md) has, and how the official Rust SDK's own
integration tests fare against it. Everything below is written by `engine/tests/sdk/run`, out of
the engine's sources, the protocol (`temporalio-protos` {version}) and a run of the tests: edit
`engine/tests/sdk`, not this page.

What is not built answers `UNIMPLEMENTED` with its name; a workflow command that is not built fails
the workflow task with its name.
"""


def rpcs(service):
    sources, _ = sdk.package("temporalio-protos")
    folder = f"temporal/api/{service.lower()}/v1/service.proto"
    proto = next(sources.glob(f"protos/*/{folder}")).read_text()
    asked = set(re.findall(r"^\s*rpc (\w+)", proto, re.MULTILINE))
    built = asked & answered(SERVICES[service])
    if service == "WorkflowService" and not built:
        raise SystemExit(f"{DOOR} is not written as this program reads it")
    text = f"## {service}\n\n{len(built)} of {len(asked)} RPCs are built.\n"
    text += paragraph("Built", built) if built else ""
    return text + (paragraph("Not built", asked - built) if asked - built else "")


def answered(function):
    found = re.search(rf"fn {function}\b.*?\n}}", DOOR.read_text(), re.DOTALL)
    return set(re.findall(r'"(\w+)"', found.group())) if found else set()


def commands():
    sources, _ = sdk.package("temporalio-protos")
    proto = next(sources.glob("protos/*/temporal/api/command/v1/message.proto")).read_text()
    asked = set(re.findall(r"message (\w+)CommandAttributes", proto))
    built = asked & set(re.findall(r"Attributes::(\w+)CommandAttributes", DECISIONS.read_text()))
    text = f"## Workflow commands\n\n{len(built)} of {len(asked)} commands are built.\n"
    text += paragraph("Built", built)
    return text + (paragraph("Not built", asked - built) if asked - built else "")


def paragraph(title, names):
    text = f"{title}: " + ", ".join(f"`{name}`" for name in sorted(names)) + "."
    return "\n" + textwrap.fill(text, 100, break_on_hyphens=False) + "\n"


def tests():
    ours, theirs, without = kept("engine"), kept("temporal"), kept("nothing")
    needing = [name for name in ours if without.get(name) != "passed"]
    passed = [name for name in needing if ours[name] == "passed"]
    missed = [name for name in ours if ours[name] != "passed"]
    there = [name for name in needing if theirs.get(name) == "passed"]
    _, version = sdk.package(sdk.PACKAGE)
    text = f"""## The SDK's integration tests

`engine/tests/sdk/run` plays `integ_tests` of `{sdk.PACKAGE}` {version}: {len(ours)} tests, of which
{len(needing)} need a server. **{len(passed)} of those pass against this engine**, and {len(there)} against
Temporal's dev server 1.29.1 on the same machine.

### Tests that do not pass

A test that is skipped left by itself, for want of a feature that the server does not announce.

| test | against this engine | dev server | why |
|---|---|---|---|
"""
    for name in missed:
        text += f"| `{short(name)}` | {ours[name]} | {theirs.get(name, '')} | {reason(name, theirs)} |\n"
    text += "\n### Tests that pass\n\n| test | needs a server | dev server |\n|---|---|---|\n"
    for name in ours:
        if ours[name] == "passed":
            needs = "yes" if name in needing else "no"
            text += f"| `{short(name)}` | {needs} | {theirs.get(name, '')} |\n"
    return text


def short(name):
    return name.removeprefix("integ_tests::")


def expected(name):
    """The first line of reasons.txt whose pattern fits, if there is one."""
    for line in (HERE / "reasons.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            pattern, why = line.split(": ", 1)
            if fnmatch.fnmatchcase(short(name), pattern):
                return why
    return None


def reason(name, theirs):
    if why := expected(name):
        return why
    if theirs.get(name, "passed") != "passed":
        return "does not pass against the dev server either"
    print(f"no reason in reasons.txt: {short(name)}")
    return "not looked into yet"
