"""tools/contracts/reading.py: the contract as Python sees it: its document, its operations, what a $ref stands for."""
import re

import yaml

METHODS = ["get", "post", "put", "patch", "delete"]
PROBLEM = {"$ref": "#/components/responses/Problem"}


class Loader(yaml.SafeLoader):
    """YAML without the trap that a name given twice silently means the last."""


def unique_mapping(loader, node, deep=False):
    seen = set()
    for key, _ in node.value:
        if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
            raise yaml.YAMLError(f"line {key.start_mark.line + 1}: {key.value} is given twice")
        seen.add(key.value)
    loader.flatten_mapping(node)
    return yaml.SafeLoader.construct_mapping(loader, node, deep)


Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, unique_mapping)


def walk(node, where=""):
    """Every mapping of the document with its place."""
    if isinstance(node, dict):
        yield where, node
        for name, value in node.items():
            yield from walk(value, f"{where}/{name}")
    elif isinstance(node, list):
        for at, value in enumerate(node):
            yield from walk(value, f"{where}/{at}")


def size_bytes(text):
    match = re.fullmatch(r"(\d+)(B|KiB|MiB)", str(text))
    return int(match[1]) * {"B": 1, "KiB": 1024, "MiB": 1024 * 1024}[match[2]] if match else None


class Broken(Exception):
    """Cannot be read at all."""


class Contract:
    def __init__(self, path):
        try:
            with open(path, encoding="utf-8") as file:
                self.doc = yaml.load(file, Loader)
        except yaml.YAMLError as error:
            raise Broken(f"{path}: {error}") from error
        for where, node in walk(self.doc):
            if isinstance(node.get("$ref"), str):
                self.deref(node, where)
        self.schemas = self.doc["components"]["schemas"]
        self.operations = [Operation(self, method, path, item, item[method])
                           for path, item in self.doc["paths"].items() for method in METHODS if method in item]

    def deref(self, node, where="the contract"):
        """What a $ref stands for; its neighbours (a description) win."""
        while "$ref" in node:
            target = self.doc
            for step in node["$ref"].removeprefix("#/").split("/"):
                if step not in target:
                    raise Broken(f"{where}: there is no {node['$ref']}")
                target = target[step]
            node = {**target, **{name: value for name, value in node.items() if name != "$ref"}}
        return node

    @staticmethod
    def kinds(whole):
        """The types that a schema allows, as a list."""
        return [whole["type"]] if isinstance(whole.get("type"), str) else whole.get("type", [])

    def properties(self, schema):
        """Name -> schema of everything that an object may have, in order."""
        schema = self.deref(schema)
        found = {}
        for part in schema.get("allOf", []):
            found.update(self.properties(part))
        return {**found, **schema.get("properties", {})}


class Operation:
    def __init__(self, contract, method, path, item, spec):
        self.method, self.path, self.spec = method, path, spec
        self.id = spec.get("operationId", "")
        self.role = spec.get("x-role")
        self.tag = (spec.get("tags") or [""])[0]
        self.summary = spec.get("summary", "")
        self.has_row = "x-answered-by" not in spec
        self.limit = size_bytes(spec["x-body-limit"]) if "x-body-limit" in spec else 0
        self.parameters = [contract.deref(each) for each in item.get("parameters", []) + spec.get("parameters", [])]
        body = contract.deref(spec.get("requestBody", {}))
        self.body = body.get("content", {}).get("application/json", {}).get("schema")
        self.fields = contract.properties(self.body) if self.body else {}
        self.queries = {each["name"]: each["schema"] for each in self.parameters if each["in"] == "query"}
        self.query = {"type": "object", "properties": self.queries} if self.queries else None
        self.segments = re.findall(r"\{(\w+)\}", path)

    @property
    def name(self):
        return f"{self.method.upper()} {self.path}"

    def answer(self, contract):
        """The schema of what it answers when all is well."""
        for status, response in self.spec["responses"].items():
            if status.startswith("2"):
                return schema_of(contract, response)
        return {}


def schema_of(contract, response):
    return next(iter(contract.deref(response)["content"].values()))["schema"]


def name_of(schema):
    """The name of a schema that is referred to; None of one that stands where it is used."""
    return schema["$ref"].split("/")[-1] if "$ref" in schema else None
