#!/usr/bin/env python3
"""tests/tools/test_contract.py: what tools/contract refuses, and what it makes of a small contract.

Each story changes one thing in a contract that is fine, and names the sentence that the tool must say.
"""
import contextlib
import importlib.machinery
import importlib.util
import io
import json
import os
import sys
import tempfile
import unittest

HOME = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("contract", os.path.join(HOME, "tools/contract")) # it has no .py
tool = importlib.util.module_from_spec(importlib.util.spec_from_loader("contract", loader))
loader.exec_module(tool)

FINE = """
openapi: 3.1.0
tags: [{name: Things}]
paths:
  /things/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: string}}]
    patch:
      operationId: things_update
      tags: [Things]
      x-role: admin
      x-body-limit: 4KiB
      summary: Changes a thing.
      parameters: [{name: dry, in: query, schema: {type: boolean}}]
      requestBody: {content: {application/json: {schema: {$ref: "#/components/schemas/ThingChange"}}}}
      responses:
        "200": {description: It., content: {application/json: {schema: {$ref: "#/components/schemas/Thing"}}}}
x-live-events: {thing.changed: {$ref: "#/components/schemas/Thing"}}
components:
  responses:
    Problem: {description: Wrong., content: {}}
  schemas:
    Color: {type: string, enum: [red, green]}
    ThingChange: {type: object, additionalProperties: false, properties: {name: {type: string}, color: {$ref: "#/components/schemas/Color"}}}
    ThingFields: {x-part-of: [Thing], type: object, required: [id], x-optional: [note], properties: {id: {type: string}, note: {type: [string, "null"]}}}
    Thing: {allOf: [{$ref: "#/components/schemas/ThingFields"}], unevaluatedProperties: false, required: [rev], properties: {rev: {type: integer}}}
"""
ALLOWED = "#  operation none member admin owner mate other\nPATCH /things/{id} 401 403 200 200 403 -\n"

REFUSED = [
    ("a handler without a name", "operationId: things_update", "operationId: Things.update", "operationId must be"),
    ("no role", "x-role: admin", "x-rule: admin", "x-role must be one of"),
    ("a role that does not exist", "x-role: admin", "x-role: emperor", "x-role must be one of"),
    ("a body without a limit", "      x-body-limit: 4KiB\n", "", "go together"),
    ("a limit without its unit", "4KiB", "4096", "x-body-limit must be like"),
    ("a limit that is no limit", "4KiB", "5MiB", "x-body-limit must be like"),
    ("a body where none is read", "    patch:", "    delete:", "takes no body"),
    ("an unknown tag", "tags: [Things]\n", "tags: [Others]\n", "one tag"),
    ("no sentence", "summary: Changes a thing.", "summary: changes", "one sentence"),
    ("a parameter of the path that is not declared", "/things/{id}:", "/things/{name}:", "a parameter for each"),
    ("a reference to nothing", "schemas/ThingChange", "schemas/Nobody", "there is no #/components/schemas/Nobody"),
    ("an open body", "ThingChange: {type: object, additionalProperties: false,", "ThingChange: {type: object,", "say additionalProperties"),
    ("an open part", "unevaluatedProperties: false", "unevaluatedProperties: true", "must be closed"),
    ("a field of an answer that may be missing unsaid", "x-optional: [note], ", "", "note must be in required"),
    ("a required field that does not exist", "required: [rev]", "required: [rev, size]", "size is required, and no property"),
    ("a live event without a schema of its own", '{$ref: "#/components/schemas/Thing"}}\ncomp', "{type: object}}\ncomp", "thing.changed must be a $ref"),
    ("a body that the dispatcher cannot check", "{name: {type: string}", "{name: {type: string, format: email}", 'cannot check "format"'),
    ("a parameter of many values", "{name: dry, in: query, schema: {type: boolean}}", "{name: dry, in: query, schema: {type: array, items: {type: string}}}", "dry must be a string"),
    ("a field without a type", "{name: {type: string}", "{name: {description: It.}", "say its type"),
    ("a field of two kinds", "{name: {type: string}", "{name: {type: [string, integer]}", "not several of them"),
    ("one of several", "{name: {type: string}", "{name: {oneOf: [{type: string}, {type: integer}]}", "one schema or null"),
    ("null among the words, and not among the types", "enum: [red, green]", "enum: [red, null]", "words of an enum are strings"),
    ("a word of two words", "enum: [red, green]", "enum: [red, dark green]", "words of an enum are strings"),
    ("a name that is given twice", "summary: Changes a thing.", "summary: A.\n      summary: B.", "given twice"),
    ("another operation of the same handler", "    patch:", "    get: {operationId: things_update, tags: [Things], x-role: admin, summary: One., "
        "responses: {'200': {description: It., content: {}}}}\n    patch:", "two operations"),
]
NOT_ALLOWED = [
    ("no row in the authorization table", "PATCH", "#PATCH", "no row in"),
    ("a row without an operation", "PATCH", "GET /things 401 200 200 200 200 -\nPATCH", "there is no operation GET /things"),
    ("a row that lets members in", "403", "200", "x-role is admin, and"),
    ("a row that lets anyone in", "401", "200", "x-role is admin, and"),
    ("a row that lets mates in", "403 -", "200 -", "x-role is admin, and"),
    ("a row that keeps admins out", "200 200 403", "401 200 403", "x-role is admin, and"),
]


class TheContractTool(unittest.TestCase):
    def run_tool(self, *arguments, contract=FINE, allowed=ALLOWED, types=None):
        """What it printed, what it said when it failed ("" when it did not), what it made."""
        with tempfile.TemporaryDirectory() as room:
            tool.SOURCE, tool.AUTHORIZATION, tool.TYPES, into = (os.path.join(room, name) for name in ("openapi.yaml", "authorization", "contract.ts", "gen"))
            for path, text in ((tool.SOURCE, contract), (tool.AUTHORIZATION, allowed), (tool.TYPES, types)):
                if text is None:
                    continue
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
            printed, said = io.StringIO(), ""
            try:
                with contextlib.redirect_stdout(printed):
                    tool.main([into if each == "INTO" else each for each in arguments])
            except SystemExit as end:
                said = str(end.code)
            made = {}
            for name in os.listdir(into) if os.path.isdir(into) else []:
                with open(os.path.join(into, name), encoding="utf-8") as file:
                    made[name] = file.read()
            if os.path.exists(tool.TYPES):
                with open(tool.TYPES, encoding="utf-8") as file:
                    made["contract.ts"] = file.read()
            return printed.getvalue(), said, made

    def test_a_contract_that_breaks_a_rule_is_refused_with_a_sentence(self):
        for story, old, new, sentence in REFUSED:
            with self.subTest(story):
                self.assertIn(old, FINE)
                _, said, made = self.run_tool("build", "INTO", contract=FINE.replace(old, new))
                self.assertIn(sentence, said)
                self.assertEqual(made, {})

    def test_an_operation_without_its_row_of_permissions_is_refused(self):
        for story, old, new, sentence in NOT_ALLOWED:
            with self.subTest(story):
                _, said, made = self.run_tool("build", "INTO", allowed=ALLOWED.replace(old, new, 1))
                self.assertIn(sentence, said)
                self.assertEqual(made, {})

    def test_the_c_compiler_gets_table_declarations_and_words(self):
        _, said, made = self.run_tool("build", "INTO")
        self.assertEqual(said, "")
        self.assertIn('{METHOD_PATCH, "/things/{id}", ROLE_ADMIN, 4096,\n     &body_of_things_update, &query_of_things_update, things_update}', made["api_routes.c"])
        self.assertIn('{"color", false, {.types = SCHEMA_BIT(JSON_STRING), .min = 0, .max = INT64_MAX, .words = " red green "}}', made["api_routes.c"])
        self.assertIn("api_handler things_update;", made["api_handlers.h"])
        self.assertIn('#define ENUM_COLOR(X) X("red") X("green")', made["api_enums.h"])

    def test_a_word_may_be_null_where_its_type_is(self):
        _, said, made = self.run_tool("build", "INTO", contract=FINE.replace("{type: string, enum: [red, green]}", '{type: [string, "null"], enum: [red, green, null]}'))
        self.assertEqual(said, "")
        self.assertIn('{.types = SCHEMA_BIT(JSON_STRING) | SCHEMA_BIT(JSON_NULL), .min = 0, .max = INT64_MAX, .words = " red green "}', made["api_routes.c"])
        self.assertIn('#define ENUM_COLOR(X) X("red") X("green")', made["api_enums.h"])

    def test_the_served_contract_has_every_status(self):
        _, _, made = self.run_tool("build", "INTO")
        operation = json.loads(made["openapi.json"])["paths"]["/things/{id}"]["patch"]
        self.assertEqual(list(operation["responses"]), ["200", "400", "401", "403", "404", "408", "413", "415", "421", "431", "500", "503", "504"])
        self.assertEqual(operation["x-body-limit"], 4096)

    def test_the_matrix_has_what_a_test_of_rights_needs(self):
        printed, _, _ = self.run_tool("matrix")
        self.assertEqual(json.loads(printed), [{"id": "things_update", "method": "PATCH", "path": "/api/things/{id}", "role": "admin",
            "arguments": ["id"], "fields": ["name", "color"], "queries": ["dry"], "body_limit": 4096}])

    def test_typescript_has_types_and_operations(self):
        _, said, made = self.run_tool("types")
        self.assertEqual(said, "")
        printed = made["contract.ts"]
        self.assertIn('export type Color = "red" | "green";', printed)
        self.assertIn("export type ThingChange = {\n  name?: string;\n  color?: Color;\n};", printed)
        self.assertIn("export type Thing = ThingFields & {\n  rev: number;\n};", printed)
        self.assertIn('  things_update: {\n    method: "PATCH";\n    path: "/api/things/{id}";\n    query: {\n      dry?: boolean;\n    };\n'
                      "    body: ThingChange;\n    answer: Thing;\n  };", printed)
        self.assertIn('export interface LiveEvents {\n  "thing.changed": Thing;\n}', printed)

    def test_the_reference_is_made_between_its_marks(self):
        page = "# Things\n<!-- contract: operations -->\nold\n<!-- end -->\nStays.\n<!-- contract: Things -->\n<!-- end -->\n"
        said, made = self.run_docs("docs", page)
        self.assertEqual(said, "")
        self.assertIn("| PATCH | `/api/things/{id}` | admin | [Changes a thing](#things) |\n<!-- end -->\nStays.\n", made)
        self.assertNotIn("old", made)
        self.assertIn("| `color` | `red`, `green` |  |\n", made)
        self.assertEqual(self.run_docs("--check", made), ("", made))
        self.assertIn("is not up to date", self.run_docs("--check", page)[0])
        self.assertIn("no mark for Things", self.run_docs("--check", page.replace("Things --", "operations --"))[0])

    def test_types_that_are_not_those_of_the_contract_are_told(self):
        _, made = self.run_docs("docs", "# Things\n<!-- contract: Things -->\n<!-- end -->\n")
        self.assertIn("contract.ts is not up to date", self.run_docs("--check", made, types="export type Color = string;\n")[0])

    def run_docs(self, verb, page, types=None):
        with tempfile.TemporaryDirectory() as room:
            tool.PAGE = os.path.join(room, "api.md")
            with open(tool.PAGE, "w", encoding="utf-8") as file:
                file.write(page)
            said = self.run_tool(verb, types=types or self.run_tool("types")[2]["contract.ts"])[1]
            with open(tool.PAGE, encoding="utf-8") as file:
                return said, file.read()

    def test_it_is_used_with_a_verb(self):
        for arguments in ((), ("build",), ("dance",), ("docs", "x")):
            self.assertIn("tools/contract build DIR", self.run_tool(*arguments)[1])


if __name__ == "__main__":
    unittest.main()
