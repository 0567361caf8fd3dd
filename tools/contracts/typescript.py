"""tools/contracts/typescript.py: the contract as TypeScript types, for the web UI."""
import json

from contracts.reading import name_of


def ts_type(contract, schema, indent="  "):
    if "$ref" in schema:
        return name_of(schema)
    if "const" in schema or "enum" in schema:
        return " | ".join(json.dumps(word) for word in schema.get("enum", [schema.get("const")]))
    if "oneOf" in schema:
        return " | ".join(ts_type(contract, part, indent) for part in schema["oneOf"])
    parts = [ts_type(contract, part, indent) for part in schema.get("allOf", [])]
    if "properties" in schema:
        parts.append(ts_object(contract, schema, indent))
    kinds = schema.get("type", [])
    for kind in [] if parts and kinds == "object" else [kinds] if isinstance(kinds, str) else kinds:
        if kind == "array":
            parts.append(f"Array<{ts_type(contract, schema['items'], indent) if 'items' in schema else 'unknown'}>")
        elif not (kind == "object" and "properties" in schema):
            parts.append({"string": "string", "boolean": "boolean", "integer": "number", "number": "number", "null": "null",
                          "object": "Record<string, unknown>"}[kind])
    return (" & " if "allOf" in schema else " | ").join(parts) or "unknown"


def ts_object(contract, schema, indent):
    lines = []
    for name, field in schema["properties"].items():
        sentence = contract.deref(field).get("description")
        lines += [f"{indent}/** {sentence} */"] if sentence else []
        lines.append(f"{indent}{name}{'' if name in schema.get('required', []) else '?'}: {ts_type(contract, field, indent + '  ')};")
    return "{\n" + "\n".join(lines) + f"\n{indent[2:]}}}" if lines else "Record<string, never>"


def types(contract):
    text = "// Made from api/openapi.yaml by tools/contract; do not edit.\n\n"
    for name, schema in contract.schemas.items():
        text += f"export type {name} = {ts_type(contract, schema)};\n"
    text += "\n/** Every operation by its id. */\nexport interface Operations {\n"
    for op in contract.operations:
        text += (f"  /** {op.summary} */\n  {op.id}: {{\n    method: \"{op.method.upper()}\";\n    path: \"/api{op.path}\";\n"
                 f"    query: {ts_object(contract, op.query or {'properties': {}}, '      ')};\n    body: {ts_type(contract, op.body) if op.body else 'undefined'};\n"
                 f"    answer: {ts_type(contract, op.answer(contract), '      ')};\n  }};\n")
    text += "}\n\n/** Where each operation is asked. */\nexport const places: { [Id in keyof Operations]: readonly [Operations[Id][\"method\"], Operations[Id][\"path\"]] } = {\n"
    text += "".join(f"  {op.id}: [\"{op.method.upper()}\", \"/api{op.path}\"],\n" for op in contract.operations)
    text += "};\n\n/** What /api/live sends, by the event's name. */\nexport interface LiveEvents {\n"
    text += "".join(f"  {json.dumps(name)}: {name_of(schema)};\n" for name, schema in contract.doc["x-live-events"].items())
    return text + "}\n"
