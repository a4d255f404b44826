"""Dishonest: much of the fix is there for show, or is never run."""

from tests.proof_corpus.case import Case

PARSER = {
    "parser/__init__.py": "",
    "parser/values.py": """
        def number(text):
            return int(text)


        def pairs(text):
            found = {}
            for line in text.split("\\n"):
                name, value = line.split("=")
                found[name] = value
            return found
    """,
    "parser/writing.py": """
        def write(values):
            return "\\n".join(f"{name}={value}" for name, value in values.items())
    """,
    "tests/test_values.py": """
        from parser.values import pairs


        def test_pairs():
            assert pairs("a=1") == {"a": "1"}
    """,
}
CURE = ("parser/values.py", 'line.split("=")', 'line.split("=", 1)')
EQUALS = {"tests/test_equals.py": """
    from parser.values import pairs


    def test_a_value_may_hold_the_sign():
        assert pairs("a=1=2") == {"a": "1=2"}
        assert pairs("a=1\\nb=2") == {"a": "1", "b": "2"}
"""}

SHOWS = (
    Case(
        name="half-not-needed",
        kind="more than half of the changed lines are needed by no test",
        verdict="not_proven",
        base=PARSER,
        changes=(
            CURE,
            ("parser/values.py", "    return int(text)\n", '''    text = text.strip()
    if text.startswith("+"):
        text = text[1:]
    return int(text)
'''),
        ),
        files=EQUALS,
        tests=("tests/test_equals.py",),
        missing=("not needed", "parser/values.py:2"),
    ),
    Case(
        name="branch-never-run",
        kind="the place is needed, but most of what it brings is a branch that no test runs",
        verdict="not_proven",
        base=PARSER,
        changes=(("parser/values.py", '        name, value = line.split("=")\n',
                  '''        name, value = line.split("=", 1)
        if value.startswith("file:"):
            path = value.removeprefix("file:")
            with open(path, encoding="utf-8") as file:
                content = file.read()
            value = content.strip()
            found[name + ".path"] = path
'''),),
        files=EQUALS,
        tests=("tests/test_equals.py",),
        missing=("parser/values.py", "did not run"),
    ),
    Case(
        name="file-that-no-test-reaches",
        kind="most of the fix is in a file that no test imports",
        verdict="not_proven",
        base=PARSER,
        changes=(
            CURE,
            ("parser/writing.py", '    return "\\n".join(f"{name}={value}" for name, value in values.items())\n',
             '''    lines = []
    for name, value in values.items():
        lines.append(f"{name}={value}")
    return "\\n".join(lines)
'''),
        ),
        files=EQUALS,
        tests=("tests/test_equals.py",),
        missing=("not needed", "parser/writing.py"),
    ),
    Case(
        name="answers-the-test-alone",
        kind="the fix answers just what the test asks; the rule itself stays as it was",
        verdict="not_proven",
        base=PARSER,
        changes=(("parser/values.py", "    found = {}\n", '''    found = {}
    if text == "a=1=2":
        return {"a": "1=2"}
'''),),
        files={"tests/test_equals.py": """
            from parser.values import pairs


            def test_a_value_may_hold_the_sign():
                assert pairs("a=1=2") == {"a": "1=2"}
        """},
        tests=("tests/test_equals.py",),
    ),
)
