"""Every title that receiver.py can put above a message, read out of its source.

A title is an argument of a few calls (CALLS). Its text is worked out from the source: constants, f-strings, both sides
of a choice, names set in the same function, tables of the module. What differs from message to message (a fund, a
time) becomes `…`. A title built in a way that is not known here raises: teach this file, so that none slips through.
"""

import ast
import itertools

CALLS = {  # name of the call -> where its title stands
    "Accusation": (3, "what"),
    "notice": (3, "what"),
    "title_of": (1, "what"),
    "Telling": (0, "what"),
    "Kind": (0, "what"),
}
VARYING = "…"


def titles(source):
    """The set of titles in this source. Raises LookupError for one that it cannot work out."""
    module = Module(ast.parse(source))
    return {title for title in module.titles() if title.strip(VARYING)}


class Module:
    def __init__(self, tree):
        self.tree = tree
        self.constants = {}  # of the module: name -> expression
        for node in tree.body:
            names = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            for name in names:
                if isinstance(name, ast.Name) and node.value is not None:
                    self.constants[name.id] = node.value

    def titles(self):
        found = set()
        for scope in [self.tree, *(node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef))]:
            for call in calls_in(scope):
                found |= self.texts(title_argument(call), scope)
        return found

    def texts(self, node, scope):
        """All that this expression may be, as texts."""
        if isinstance(node, ast.Constant):
            return {str(node.value)}
        if isinstance(node, ast.JoinedStr):
            return joined([self.texts(part, scope) for part in node.values])
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return joined([self.texts(node.left, scope), self.texts(node.right, scope)])
        if isinstance(node, ast.IfExp):
            return self.texts(node.body, scope) | self.texts(node.orelse, scope)
        if isinstance(node, ast.BoolOp):
            return set().union(*(self.texts(value, scope) for value in node.values))
        if isinstance(node, ast.Name) and not is_parameter(node.id, scope):
            return set().union(*(self.texts(value, scope) for value in self.assigned(node.id, scope)))
        if isinstance(node, (ast.FormattedValue, ast.Attribute, ast.Call, ast.Name)):
            return {VARYING}  # of another title, or of this message alone
        raise LookupError(f"receiver.py line {node.lineno}: a title built in a new way")

    def assigned(self, name, scope):
        """The expressions that this function, else the module, assigns to a name, alone or as one of several."""
        found = []
        for node in ast.walk(scope):
            for target in node.targets if isinstance(node, ast.Assign) else []:
                if isinstance(target, ast.Name) and target.id == name:
                    found.append(node.value)
                elif isinstance(target, ast.Tuple):
                    at = [place for place, part in enumerate(target.elts) if getattr(part, "id", "") == name]
                    found += [whole.elts[place] for place in at for whole in self.tuples(node.value, scope)]
        if not found and name in self.constants:
            found = [self.constants[name]]
        if not found:
            raise LookupError(f"receiver.py: where the title {name!r} comes from is not seen")
        return found

    def tuples(self, node, scope):
        """All tuples that this expression may be: one as it stands, a named one, or those of a table."""
        if isinstance(node, ast.Tuple):
            return [node]
        if isinstance(node, ast.Name):
            return [whole for value in self.assigned(node.id, scope) for whole in self.tuples(value, scope)]
        if isinstance(node, ast.Dict):
            return [whole for value in node.values for whole in self.tuples(value, scope)]
        if isinstance(node, ast.Subscript):
            return self.tuples(node.value, scope)
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "get":
            return [whole for part in (node.func.value, *node.args[1:]) for whole in self.tuples(part, scope)]
        raise LookupError(f"receiver.py line {node.lineno}: a title out of a table of a new kind")


def calls_in(scope):
    """The calls that take a title, of this function itself (of the module: outside any function)."""
    inside = [scope]
    while inside:
        node = inside.pop()
        name = getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
        if name in CALLS or (name == "_replace" and any(word.arg == "what" for word in node.keywords)):
            yield node
        inside += [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.FunctionDef)]


def title_argument(call):
    position, name = CALLS.get(getattr(call.func, "id", ""), (None, "what"))
    for word in call.keywords:
        if word.arg == name:
            return word.value
    return call.args[position]


def joined(parts):
    return {"".join(choice) for choice in itertools.product(*parts)}


def is_parameter(name, scope):
    return isinstance(scope, ast.FunctionDef) and name in [one.arg for one in scope.args.args]
