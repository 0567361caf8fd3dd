"""tools/contracts/reference.py: the tables of docs/reference/api.md, which stand between its marks."""
import json
import re

from contracts.reading import PROBLEM, Broken, name_of, schema_of


def has_table(contract, schema):
    """A list, a problem and a handful of plain fields need none of their own."""
    fields = contract.properties(schema)
    is_plain = len(fields) <= 4 and not any("description" in contract.deref(field) for field in fields.values())
    return bool(name_of(schema) and fields and not is_plain and "next_cursor" not in fields and "request_id" not in fields)


def words_of(contract, schema):
    """A schema in the words of a table's cell."""
    whole = contract.deref(schema)
    kinds = contract.kinds(whole)
    or_null = " or `null`" if "null" in kinds else ""
    low, high = whole.get("minimum"), whole.get("maximum")
    if "oneOf" in whole:
        parts = [words_of(contract, part) for part in whole["oneOf"] if part != {"type": "null"}]
        return " or ".join(parts + ["`null`"] * ({"type": "null"} in whole["oneOf"]))
    if "const" in whole:
        return f"`{json.dumps(whole['const'])}`"
    if "enum" in whole:
        return ", ".join(f"`{word}`" for word in whole["enum"] if word is not None) + or_null
    if contract.properties(whole):
        if has_table(contract, schema):
            return f"[{name_of(schema)}](#{name_of(schema).lower()})"
        return "{" + ", ".join(f"`{name}`" for name in contract.properties(whole)) + "}" + or_null
    if "array" in kinds and "items" in whole:
        most = f" at most {whole['maxItems']}" if "maxItems" in whole else ""
        return f"list of{most}: {words_of(contract, whole['items'])}{or_null}"
    if "integer" in kinds or "number" in kinds:
        span = f", {low} to {high}" if high is not None else f", at least {low}" if low else ""
        return ("whole number" if "integer" in kinds else "number") + span + or_null
    if "string" in kinds:
        return "text" + (f", at most {whole['maxLength']} bytes" if "maxLength" in whole else "") + or_null
    return {"boolean": "`true`, `false`", "object": "object"}[kinds[0]] + or_null


def fields_table(contract, schema, head):
    whole = contract.deref(schema)
    required = set(whole.get("required", []))
    text = f"| {head} | Values | |\n|---|---|---|\n"
    for name, field in contract.properties(whole).items():
        must = " (required)" if name in required and head == "Field" else ""
        text += f"| `{name}`{must} | {words_of(contract, field)} | {contract.deref(field).get('description', '')} |\n"
    return text + "\n"


def answer_words(contract, op):
    """200 [Provider](#provider); 409; ..."""
    said = []
    for status, response in op.spec["responses"].items():
        said.append(status if response == PROBLEM else f"{status} {list_words(contract, schema_of(contract, response))}")
    return ", ".join(said)


def list_words(contract, schema):
    properties = contract.properties(schema)
    if list(properties) == ["items", "next_cursor"]:
        return "a list of " + words_of(contract, properties["items"]["items"])
    return words_of(contract, schema)


def operation_text(contract, op):
    limit = f" Body at most {op.limit // 1024} KiB." if op.limit else ""
    text = f"#### {op.method.upper()} /api{op.path}\n\n{op.summary} Role: {op.role}.{limit} Answers: {answer_words(contract, op)}.\n\n"
    if op.fields:
        text += fields_table(contract, op.body, "Field")
    rows = "".join(f"| `{each['name']}` | {words_of(contract, each['schema'])} | {each.get('description', '')} |\n"
                   for each in op.parameters if each["in"] != "path")
    return text + (f"| Parameter | Values | |\n|---|---|---|\n{rows}\n" if rows else "")


def objects_of(contract, schema, seen):
    """Named objects that a schema leads to, each once, the outermost first; lists and problems need no table."""
    whole, name = contract.deref(schema), name_of(schema)
    if name and name in seen:
        return
    seen.add(name)
    if has_table(contract, schema):
        yield name
    for part in [*contract.properties(whole).values(), *whole.get("oneOf", []), *([whole["items"]] if "items" in whole else [])]:
        yield from objects_of(contract, part, seen)


def tag_text(contract, tag, seen):
    operations = [op for op in contract.operations if op.tag == tag]
    text = "".join(operation_text(contract, op) for op in operations)
    for op in operations:
        if op.body:
            seen.add(name_of(op.body)) # its table stands there
    schemas = [field for op in operations for field in op.fields.values()]
    schemas += [schema_of(contract, response) for op in operations for response in op.spec["responses"].values()]
    for schema in schemas:
        for name in objects_of(contract, schema, seen):
            text += f"#### {name}\n\n" + fields_table(contract, contract.schemas[name], "Member")
    return text


def page_of(contract, page):
    """The page with what stands between its marks made anew."""
    table = "| Method | Path | Role | What |\n|---|---|---|---|\n" + "".join(
        f"| {op.method.upper()} | `/api{op.path}` | {op.role} | [{op.summary[:-1]}](#{op.tag.lower()}) |\n" for op in contract.operations)
    seen, missing = set(), [tag["name"] for tag in contract.doc["tags"]]

    def made(match):
        name = match[2]
        if name != "operations" and name not in missing:
            raise Broken(f"the reference: there is no tag {name}, or it has two marks")
        if name != "operations":
            missing.remove(name)
        return match[1] + (table if name == "operations" else tag_text(contract, name, seen).rstrip() + "\n") + match[3]
    text = re.sub(r"(<!-- contract: (\w+) -->\n).*?(<!-- end -->)", made, page, flags=re.DOTALL)
    if missing:
        raise Broken(f"the reference: no mark for {', '.join(missing)}")
    return text
