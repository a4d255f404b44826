"""A double is prepared for a scenario and never comes to where the code under test would meet it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bot.audit.dataflow.flow import Kind, asserted, is_weak, kinds, kinds_of_variable, resolve, runs_product
from bot.audit.dataflow.replacing import Replacement, replacements_in, symbol_at
from bot.audit.reading.bindings import fixture_name
from bot.audit.reading.checks import MOCKS
from bot.audit.reading.definitions import last_name
from bot.audit.reading.flat import every, walk
from bot.audit.reading.program import External, ModuleInfo
from bot.audit.reading.source import FunctionNode
from bot.audit.rule import WARNING, Context, Example, Found, Rule, per_test, said
from bot.audit.surroundings.late import variables_too_late
from bot.audit.surroundings.unmet import unmet
from bot.audit.view import View

_CONFIGURED = {"return_value", "side_effect"}
_REACHING = {Kind.PRODUCT, Kind.UNKNOWN, Kind.AMBIENT}


def _look(context: Context, view: View) -> Iterator[Found]:
    if not context.program.product_modules or not asserted(view):
        return
    found = list(replacements_in(view.node, view.bare_scope))
    for item in found:
        if item.text and (reason := _looked_up_elsewhere(view, item) or _bound_before(view, item)):
            on_purpose = _beside(view, item, found) or _without_a_word(view, item)
            yield (item.node, reason, WARNING) if on_purpose else (item.node, reason)
        elif item.text and _in_another_process(view, item):
            yield item.node, f"`{item.text}` is patched in this process, and the code runs in another one"
    for body in view.helpers:
        asked_for = any(item.arg == fixture_name(body.node) for item in view.node.args.args)
        for item in replacements_in(body.node, body.scope) if asked_for else ():
            if item.text and (reason := _looked_up_elsewhere(view, item)):
                yield view.node, f"{reason}, in the fixture `{body.node.name}`"
    yield from _never_handed_on(view)
    yield from unmet(view)
    yield from variables_too_late(view)
    yield from _never_called(context, view)


def _beside(view: View, item: Replacement, found: list[Replacement]) -> bool:
    """Whether the test patches the same name in another module, too, where it is looked up: one may be too many."""
    others = (each for each in found if each is not item and each.text and each.attribute == item.attribute)
    return any(not _looked_up_elsewhere(view, each) for each in others)


def _without_a_word(view: View, item: Replacement) -> bool:
    """Whether a decorator's patch stages nothing: its mock is told nothing, and the test never looks at it."""
    patches = [each for each in view.node.decorator_list if isinstance(each, ast.Call) and last_name(each) == "patch"]
    if item.node not in patches or item.written_values() or any(len(each.args) != 1 for each in patches):
        return False
    given = [each.arg for each in view.node.args.args if each.arg not in {"self", "cls"}]
    at = patches[::-1].index(item.node)
    return at < len(given) and not any(name.id == given[at] for name in view.names)


def _looked_up_elsewhere(view: View, item: Replacement) -> str:
    """Why a patch of a product module's name has no effect: all others imported the name itself before."""
    program = view.program
    owner, _, name = item.text.rpartition(".")
    home = program.modules.get(owner)
    if home is None or not home.product or len(home.bindings.get(name, [])) != 1:
        return ""
    if isinstance(home.bindings[name][0], ast.alias) or _reads(home, name):
        return ""  # looked up in that module itself
    importing = [module for module in program.product_modules if _imports(module, home, name)]
    looking = [module for module in (*program.product_modules, view.module) if _looks_up(view, module, home, name)]
    if looking:
        return ""
    if not importing:
        used = any(isinstance(node, ast.Name) and node.id == name for node in view.nodes)
        return "" if used else f"patching `{item.text}` changes nothing: no code of the implementation uses that name"
    there = ", ".join(f"`{module.name}.{name}`" for module in importing[:2])
    return f"patching `{item.text}` changes nothing: the code under test took the name by its own import ({there})"


def _reads(module: ModuleInfo, name: str) -> bool:
    """Whether functions of a module read one of its own names."""
    return any(
        node.id == name and isinstance(node.ctx, ast.Load)
        for node in every(module.source.tree, ast.Name)
    )


def _imports(module: ModuleInfo, home: ModuleInfo, name: str) -> bool:
    """Whether a module has `from home import name`, at its top level."""
    if module is home or name not in module.source.text:
        return False
    wanted = module.program.member(home, name)
    for statement in module.source.tree.body:
        if isinstance(statement, ast.ImportFrom):
            for alias in statement.names:
                if alias.name == name and _same(module.program.imported(alias), wanted):
                    return True
    return False


def _same(one: object, two: object) -> bool:
    return one is not None and getattr(one, "node", one) is getattr(two, "node", two)


def _looks_up(view: View, module: ModuleInfo, home: ModuleInfo, name: str) -> bool:
    """Whether code of a module reads `home.name` at run time: as an attribute, by a late import or by its text."""
    for node in every(module.source.tree, ast.Attribute, ast.ImportFrom, ast.Constant):
        if isinstance(node, ast.Attribute) and node.attr == name and module.product:
            return True
        if isinstance(node, ast.Attribute) and node.attr == name and resolve(view, node.value) is home:
            return True
        late = isinstance(node, ast.ImportFrom) and node not in module.source.tree.body and module.product
        if late and isinstance(node, ast.ImportFrom) and any(alias.name in {name, "*"} for alias in node.names):
            return True
        if module.product and isinstance(node, ast.Constant) and _spells(node.value, name):
            return True
    return False


def _spells(value: object, name: str) -> bool:
    """Whether a text is a name, or a dotted path with it, as code looks things up by their names."""
    return isinstance(value, str) and name in re.split(r"[.:]", value)


def _bound_before(view: View, item: Replacement) -> str:
    """Why a patch of a library's function has no effect: the product took it when its modules were imported."""
    parts = item.text.split(".")
    target = symbol_at(view.program, item.text)
    dotted = target.name if isinstance(target, External) else item.text
    root, _, leaf = dotted.rpartition(".")
    through = next((view.program.modules.get(".".join(parts[:at])) for at in range(len(parts) - 1, 0, -1)
                    if ".".join(parts[:at]) in view.program.modules), None)
    plain = through is None and root == "time"  # other code hardly reads the clock for the product
    if not plain and (through is None or not through.product or not isinstance(target, External) or not root):
        return ""
    direct = through is not None and view.program.modules.get(".".join(parts[:-1])) is through
    if direct and through is not None and parts[-1] in through.bindings and _reads_own(through, parts[-1]):
        return ""
    uses = [
        (module, node)
        for module in view.program.product_modules
        for node in every(module.source.tree, ast.Attribute)
        if node.attr == leaf and last_name(node.value) == root.rpartition(".")[2]
    ]
    own = any(
        (isinstance(node, ast.Attribute) and node.attr == leaf)
        or (isinstance(node, ast.Call) and last_name(node.func) in {"reload", "import_module", "__import__"})
        for node in view.nodes
    )
    if not uses or own or any(_in_a_body(module, node) for module, node in uses):
        return ""
    return (f"patching `{item.text}` changes nothing: the code took `{dotted}` as a default when it was imported "
            f"({uses[0][0].source.path}:{uses[0][1].lineno})")


def _reads_own(module: ModuleInfo, name: str) -> bool:
    """Whether a function of a module reads the name that the module itself has for something."""
    return any(
        item.id == name and isinstance(item.ctx, ast.Load) and _in_a_body(module, item)
        for item in every(module.source.tree, ast.Name)
    )


def _in_a_body(module: ModuleInfo, node: ast.AST) -> bool:
    """Whether a node stands in the body of a function, and not in its defaults or decorators."""
    below = node
    for item in module.source.above(node):
        if isinstance(item, ast.Lambda) or (isinstance(item, FunctionNode) and below in item.body):
            return True
        below = item
    return False


def _in_another_process(view: View, item: Replacement) -> bool:
    """Whether a patched product name meets only code that the test runs in a process of its own."""
    within = next((block for block in view.above(item.node) if isinstance(block, ast.With | ast.AsyncWith)), view.node)
    first = item.text.split(".")[0]
    ours = any(module.product and module.name.split(".")[0] == first for module in view.program.modules.values())
    started = any(name.startswith("subprocess.") for name in view.reach.external)
    found = frozenset[Kind]().union(*(kinds(view, statement) for statement in within.body))
    return ours and started and Kind.PRODUCT not in found and Kind.UNKNOWN in found


def _never_handed_on(view: View) -> Iterator[Found]:
    """Mocks with an answer or an error prepared that nothing but the test's own lines can meet."""
    for name, value in _configured(view):
        found = kinds_of_variable(view, view.node, name)
        if found is None or found & _REACHING:
            continue
        calls = [node for node in view.nodes if isinstance(node, ast.Call) and _root(node.func) == name
                 and not last_name(node.func).startswith("assert")]
        if not calls and runs_product(view) and not _decided_by(view, value):
            yield value, f"the double `{name}` is prepared and handed to nothing: the code under test never meets it"


def _configured(view: View) -> Iterator[tuple[str, ast.expr]]:
    """The local mocks that were told what to answer, by name, and where they are made."""
    told = {
        _root(node)
        for node in view.nodes
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load) and node.attr in _CONFIGURED
    }
    for name, bindings in view.bare_scope.bound(view.node).items():
        kind, value = bindings[0]
        if len(bindings) != 1 or kind != "value" or not isinstance(value, ast.Call) or last_name(value) not in MOCKS:
            continue
        if name in told or any(word.arg in _CONFIGURED for word in value.keywords):
            yield name, value


def _decided_by(view: View, value: ast.expr) -> bool:
    """Whether assertions of the test rest on that mock, which then is another matter."""
    deciding = [item for item in asserted(view) if not is_weak(item)]
    return any(origin.node is value for item in deciding for origin in item.origins)


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _never_called(context: Context, view: View) -> Iterator[Found]:
    """Mocks that the run saw and that were told what to do, but were never called nor asked about."""
    seen = context.observations_of(view.case.id)
    if not seen or not all(item.watched and item.status == "passed" for item in seen):
        return
    places = {(mock.path, mock.line) for item in seen for mock in item.mocks}
    called = {(mock.path, mock.line) for item in seen for mock in item.mocks if mock.calls or mock.checked}
    patched = {(mock.path, mock.line) for item in seen for mock in item.mocks if mock.target}
    for path, line in sorted(places - called):
        if path != view.source.path:
            continue
        nodes = [node for node in view.nodes if isinstance(node, ast.Call) and node.lineno <= line <= (
            node.end_lineno or node.lineno)]
        effect = _effect_at(view, nodes)
        if effect is not None and not _forbids(effect):
            # An error that never came is a scenario that never was, and so is a patch beside which nothing was called;
            # an answer that nobody asked for in this case may be there for others.
            raising = _is_error(effect) or ((path, line) in patched and not called)
            message = f"in the run nothing called the double that was told {said(effect)}: its scenario did not happen"
            yield (nodes[0], message) if raising else (nodes[0], message, WARNING)


def _effect_at(view: View, calls: list[ast.Call]) -> ast.expr | None:
    """What the mock made by one of the calls was told to answer or raise."""
    for call in calls:
        for word in call.keywords:
            if word.arg in _CONFIGURED:
                return word.value
    names = {name for name, bindings in view.bare_scope.bound(view.node).items()
             if any(value in calls for _, value in bindings)}
    for node in view.nodes:
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if isinstance(target, ast.Attribute) and target.attr in _CONFIGURED and _root(target) in names:
            assert isinstance(node, ast.Assign)
            return node.value
    return None


def _is_error(effect: ast.expr) -> bool:
    return last_name(effect).endswith(("Error", "Exception", "Timeout", "Refused", "Down", "Unavailable", "Closed"))


def _forbids(effect: ast.expr) -> bool:
    """Whether a mock is there to fail the test if it is called."""
    return any(last_name(node) in {"AssertionError", "fail"} for node in walk(effect))


RULE = Rule(
    id="unwired-double",
    defect_class="unwired-double",
    title="The double never meets the code under test",
    rationale=(
        "A patch of a name that nobody looks up, or a mock that is handed to nothing, changes nothing: the scenario "
        "of the test's name does not happen, and the test passes for another reason."
    ),
    hint="Patch the name where the code under test looks it up, or hand the double to it; assert that it was called.",
    check=per_test(_look),
    good=Example(
        test="""\
from unittest.mock import Mock
from product.service import Service


def test_outage():
    store = Mock()
    store.get.side_effect = ConnectionError
    assert Service(store).read() == "unavailable"
""",
        implementation="""\
class Service:
    def __init__(self, store):
        self.store = store

    def read(self):
        try:
            return self.store.get()
        except ConnectionError:
            return "unavailable"
""",
    ),
    bad=Example(
        test="""\
from unittest.mock import Mock
from product.service import Service


def test_outage():
    store = Mock()
    store.get.side_effect = ConnectionError
    assert Service(None).read() == "unavailable"
""",
        implementation="""\
class Service:
    def __init__(self, store):
        self.store = store

    def read(self):
        return self.store.get() if self.store else "unavailable"
""",
    ),
)
