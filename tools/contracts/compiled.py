"""tools/contracts/compiled.py: what the C compiler gets: the route table, the declarations of handlers, the words of enums;
and the whole contract as it is served."""
import json
import os
import re

from contracts.reading import PROBLEM

MADE = "/* Made from api/openapi.yaml by tools/contract; do not edit. */\n"


def implied(op):
    """What the dispatcher, or the HTTP layer before it, may answer to this operation."""
    statuses = {"400", "431", "500", "503", "504"}
    if op.role != "anyone":
        statuses.add("401")
    if op.role in ("admin", "owner"):
        statuses.add("403")
    if op.segments:
        statuses.add("404")
    if op.body:
        statuses |= {"408", "413", "415"}
    return statuses


def expanded(contract):
    for op in contract.operations:
        for status in implied(op):
            op.spec["responses"].setdefault(status, PROBLEM)
        op.spec["responses"] = dict(sorted(op.spec["responses"].items()))
        if op.role == "anyone":
            op.spec["security"] = []
        if op.limit:
            op.spec["x-body-limit"] = op.limit
    return contract.doc


def c_string(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def names(list_of_names):
    """With blanks around each, as api_endpoint_has_field wants them."""
    return c_string("".join(f" {name}" for name in list_of_names) + " " if list_of_names else "")


def c_routes(contract):
    rows = [f"    {{METHOD_{op.method.upper()}, {c_string(op.path)}, ROLE_{op.role.upper() if op.role != 'anyone' else 'NONE'}, {op.limit},\n"
            f"     {names(list(op.fields))}, {names(op.queries)}, {op.id}}},\n" for op in contract.operations if op.has_row]
    return (MADE + '#include "admin/endpoints.h"\n\nconst struct api_endpoint api_endpoint_rows[] = {\n' + "".join(rows) +
            "};\nconst size_t api_endpoint_row_count = sizeof api_endpoint_rows / sizeof api_endpoint_rows[0];\n")


def c_handlers(contract):
    handlers = "".join(f"api_handler {op.id};\n" for op in contract.operations if op.has_row)
    return MADE + "#pragma once\n#include \"admin/api.h\"\n\n" + handlers


def snake(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)


def c_enums(contract):
    """ENUM_JOB_STATUS(X): X("open") X("done") ..., for tables that must have the same words."""
    text = MADE + "#pragma once\n"
    for name, schema in contract.schemas.items():
        if "enum" in schema:
            words = " ".join(f"X({c_string(word)})" for word in schema["enum"])
            text += f"#define ENUM_{snake(name).upper()}(X) {words}\n"
    return text


def build(contract, into):
    os.makedirs(into, exist_ok=True)
    made = {"api_routes.c": c_routes(contract), "api_handlers.h": c_handlers(contract), "api_enums.h": c_enums(contract)}
    made["openapi.json"] = json.dumps(expanded(contract), ensure_ascii=False, separators=(",", ":")) + "\n"
    for name, text in made.items():
        with open(os.path.join(into, name), "w", encoding="utf-8") as file:
            file.write(text)
