"""tools/contracts/rules.py: what a contract must keep to be one. Each rule is a function that yields sentences."""
import json
import re

from contracts.reading import walk

ROLES = ["anyone", "member", "admin", "owner"]
BODY_LIMIT_MAX = 4 * 1024 * 1024


def operations_are_whole(contract):
    tags = [tag["name"] for tag in contract.doc["tags"]]
    for op in contract.operations:
        if not re.fullmatch(r"[a-z][a-z_]*", op.id):
            yield f"{op.name}: operationId must be the handler's name"
        if op.role not in ROLES:
            yield f"{op.name}: x-role must be one of {', '.join(ROLES)}"
        if op.spec.get("tags") is None or op.tag not in tags or len(op.spec["tags"]) != 1:
            yield f"{op.name}: one tag out of the list"
        if not re.fullmatch(r"[^\n]+\.", op.summary):
            yield f"{op.name}: summary must be one sentence"
        if sorted(op.segments) != sorted(each["name"] for each in op.parameters if each["in"] == "path"):
            yield f"{op.name}: a parameter for each {{…}} of the path"
        if len(op.segments) > 2:
            yield f"{op.name}: at most two {{…}} (API_PATH_ARGS)"
        if not any(status.startswith("2") for status in op.spec.get("responses", {})):
            yield f"{op.name}: an answer with a status of 200 to 299"
    ids = [op.id for op in contract.operations]
    yield from (f"{name}: two operations have this operationId" for name in sorted(set(ids)) if ids.count(name) > 1)


def bodies_have_limits(contract):
    for op in contract.operations:
        if (op.body is None) != ("x-body-limit" not in op.spec):
            yield f"{op.name}: requestBody and x-body-limit go together"
        if op.body is not None and op.method in ("get", "delete"):
            yield f"{op.name}: {op.method.upper()} takes no body"
        if op.limit is None or op.limit > BODY_LIMIT_MAX:
            yield f"{op.name}: x-body-limit must be like 64KiB, at most 4MiB"
        if op.body is not None and contract.deref(op.body).get("type") != "object":
            yield f"{op.name}: the body must be an object"


# What admin/schema.c looks at, and what says nothing; the rest of JSON Schema it does not know. A pattern is the handler's to check.
KNOWN_WORDS = {"type", "enum", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "items", "properties", "required",
               "additionalProperties", "oneOf", "description", "default", "$ref", "pattern", "uniqueItems"}


def requests_are_checkable(contract):
    def complain(schema, where, depth):
        whole = contract.deref(schema)
        if depth > 8:
            yield f"{where}: a body this deep cannot be checked"
            return
        others = [part for part in whole.get("oneOf", []) if part != {"type": "null"}]
        if "oneOf" in whole and len(others) != 1:
            yield f"{where}: of oneOf the dispatcher knows one schema or null"
        kinds = contract.kinds(whole)
        if not kinds and "oneOf" not in whole:
            yield f"{where}: say its type"
        if len({"integer", "number", "string", "array"} & set(kinds)) > 1:
            yield f"{where}: a number, a string or a list, not several of them: limits would be ambiguous"
        for word in sorted(set(whole) - KNOWN_WORDS):
            yield f"{where}: the dispatcher cannot check \"{word}\" in a body"
        for word in whole.get("enum", []):
            if not (isinstance(word, str) and " " not in word or word is None and "null" in kinds):
                yield f"{where}: words of an enum are strings without blanks, or null where its type has null"
        if len(whole.get("properties", {})) > 64:
            yield f"{where}: at most 64 fields (SCHEMA_FIELDS_MAX)"
        for name, part in [*whole.get("properties", {}).items(), *((("[]", whole["items"]),) if "items" in whole else ()),
                           *(("", other) for other in others)]:
            yield from complain(part, f"{where}.{name}", depth + 1)
    for op in contract.operations:
        for part in (op.body, op.query):
            if part:
                yield from complain(part, op.name, 0)
        for name, schema in op.queries.items():
            kinds = contract.kinds(contract.deref(schema))
            if len(kinds) != 1 or kinds[0] not in ("string", "integer", "boolean"):
                yield f"{op.name}: the parameter {name} must be a string, an integer or a boolean"


def objects_are_closed(contract):
    for where, node in walk(contract.doc):
        if "properties" not in node or not isinstance(node["properties"], dict) or where.endswith("/properties"):
            continue
        is_closed = node.get("additionalProperties") is False or node.get("unevaluatedProperties") is False
        if "x-part-of" in node:
            parts = [contract.schemas.get(name, {}) for name in node["x-part-of"]]
            if not all(part.get("unevaluatedProperties") is False for part in parts):
                yield f"{where}: what it is a part of must be closed (unevaluatedProperties: false)"
        elif not is_closed:
            yield f"{where}: say additionalProperties: false"
        for name in node.get("required", []) + node.get("x-optional", []):
            if name not in node["properties"]:
                yield f"{where}: {name} is required, and no property"


def answers_say_all(contract):
    """A field of an answer is always there, or x-optional says that it may be missing."""
    def objects(schema, seen):
        key = json.dumps(schema)
        if key in seen:
            return
        seen.add(key)
        whole = contract.deref(schema)
        if "properties" in whole:
            yield schema.get("$ref", "an answer").split("/")[-1], whole
        for part in [*whole.get("properties", {}).values(), *whole.get("allOf", []), *whole.get("oneOf", []),
                     *([whole["items"]] if "items" in whole else [])]:
            yield from objects(part, seen)
    seen = set()
    for op in contract.operations:
        for response in op.spec.get("responses", {}).values():
            for content in contract.deref(response).get("content", {}).values():
                for name, whole in objects(content["schema"], seen):
                    said = set(whole.get("required", [])) | set(whole.get("x-optional", []))
                    for missing in sorted(set(whole["properties"]) - said):
                        yield f"{name}: {missing} must be in required (null when not known) or in x-optional"


def live_events_are_schemas(contract):
    for name, schema in (contract.doc.get("x-live-events") or {}).items():
        if "$ref" not in schema:
            yield f"x-live-events: {name} must be a $ref to its schema"


def permissions(path):
    """"GET /jobs/{id}" -> {"none": "401", "member": "200", ...}, out of tests/authorization."""
    rows, columns = {}, []
    with open(path, encoding="utf-8") as file:
        for line in file:
            words = line.split()
            if line.startswith("#"):
                columns = words[2:] if words[1:2] == ["operation"] else columns
            elif words:
                rows[" ".join(words[:2])] = dict(zip(columns, words[2:], strict=True))
    return rows


def everybody_is_in_the_authorization_table(contract, path):
    rows = permissions(path)
    for op in contract.operations:
        row = rows.pop(op.name, None)
        if row is None:
            yield f"{op.name}: no row in {path}"
            continue
        for caller, level in (("none", "anyone"), ("member", "member"), ("mate", "member"), ("admin", "admin"), ("owner", "owner")):
            is_let_in = op.role in ROLES and ROLES.index(op.role) <= ROLES.index(level)
            refusal = "401" if caller == "none" else "403"
            if is_let_in and row[caller] == "401" or not is_let_in and row[caller] != refusal:
                yield f"{op.name}: x-role is {op.role}, and {path} says {row[caller]} for {caller}"
    yield from (f"{path}: there is no operation {name}" for name in rows)


RULES = [operations_are_whole, bodies_have_limits, requests_are_checkable, objects_are_closed, answers_say_all, live_events_are_schemas]


def complaints(contract, authorization):
    for rule in RULES:
        yield from rule(contract)
    yield from everybody_is_in_the_authorization_table(contract, authorization)
