"""tools/contracts/compiled.py: what the C compiler gets: the route table, the declarations of handlers, the words of enums;
and the whole contract as it is served."""
import json
import os
import re

from contracts.reading import PROBLEM

C_TYPES = {"string": "STRING", "integer": "NUMBER", "number": "NUMBER", "boolean": "BOOL", "array": "ARRAY", "object": "OBJECT", "null": "NULL"}
MADE = "/* Made from api/openapi.yaml by tools/contract; do not edit. */\n"


def implied(op):
    """What the dispatcher, or the HTTP layer before it, may answer to this operation."""
    statuses = {"400", "421", "431", "500", "503", "504"} # 421: by a session, or by nobody, under a strange name
    if op.role != "anyone":
        statuses.add("401")
    if op.role != "anyone" or op.method != "get": # a role, a foreign page, a team that is not theirs
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
    """With blanks around each, as struct schema wants them."""
    return c_string("".join(f" {name}" for name in list_of_names) + " " if list_of_names else "")


def c_number(value):
    return f"INT64_C({value})"


def c_schema(contract, schema, indent):
    """A struct schema (json/schema.h) for a schema of a body, as an initialiser."""
    whole, extra = contract.deref(schema), 0
    if "oneOf" in whole: # null, or one other: rules.py sees to it
        whole, extra = contract.deref(next(part for part in whole["oneOf"] if part != {"type": "null"})), "null"
    kinds = contract.kinds(whole) + ([extra] if extra else [])
    types = " | ".join(f"SCHEMA_BIT(JSON_{C_TYPES[kind]})" for kind in kinds)
    is_sized = not {"integer", "number"} & set(kinds)
    low = whole.get("minimum", whole.get("minLength", whole.get("minItems")))
    high = whole.get("maximum", whole.get("maxLength", whole.get("maxItems")))
    parts = [f".types = {types}", f".min = {c_number(low) if low is not None else '0' if is_sized else 'INT64_MIN'}",
             f".max = {c_number(high) if high is not None else 'INT64_MAX'}"]
    if "integer" in kinds:
        parts.append(".is_whole = true")
    if "enum" in whole:
        parts.append(f".words = {names([word for word in whole['enum'] if word is not None])}")
    if "items" in whole:
        parts.append(f".items = &(const struct schema){c_schema(contract, whole['items'], indent + '    ')}")
    if "properties" in whole:
        required = whole.get("required", [])
        rows = [f"{indent}    {{{c_string(name)}, {'true' if name in required else 'false'}, {c_schema(contract, field, indent + '    ')}}},\n"
                for name, field in whole["properties"].items()]
        parts.append(f".fields = (const struct schema_field[]){{\n{''.join(rows)}{indent}    {{0}}}}")
    return "{" + ", ".join(parts) + "}"


def c_routes(contract):
    rows, schemas = "", ""
    for op in contract.operations:
        if not op.has_row:
            continue
        parts = {"body": op.body, "query": op.query}
        for name, schema in parts.items():
            if schema:
                schemas += f"static const struct schema {name}_of_{op.id} = {c_schema(contract, schema, '')};\n\n"
        body, query = (f"&{name}_of_{op.id}" if schema else "NULL" for name, schema in parts.items())
        role = "NONE" if op.role == "anyone" else op.role.upper()
        rows += (f"    {{METHOD_{op.method.upper()}, {c_string(op.path)}, ROLE_{role}, {op.limit},\n"
                 f"     {body}, {query}, {op.id}}},\n")
    return (MADE + '#include "admin/endpoints.h"\n\n' + schemas + "const struct api_endpoint api_endpoint_rows[] = {\n" + rows +
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
            words = " ".join(f"X({c_string(word)})" for word in schema["enum"] if word is not None)
            text += f"#define ENUM_{snake(name).upper()}(X) {words}\n"
    return text


def build(contract, into):
    os.makedirs(into, exist_ok=True)
    made = {"api_routes.c": c_routes(contract), "api_handlers.h": c_handlers(contract), "api_enums.h": c_enums(contract)}
    made["openapi.json"] = json.dumps(expanded(contract), ensure_ascii=False, separators=(",", ":")) + "\n"
    for name, text in made.items():
        with open(os.path.join(into, name), "w", encoding="utf-8") as file:
            file.write(text)
