"""Every title that receiver.py can put above a message, read out of its source.

A title is an argument of a few calls (CALLS). Its text is worked out from the source: constants, f-strings, both sides
of a choice, names set in the same function. What differs from message to message (a fund, a time) becomes `…`.
A title built in a way that is not known here raises: then this file is to be taught, so that none slips through.
"""

import ast
import itertools

CALLS = {
    "Accusation": (3, "what"),
    "notice": (3, "what"),
    "title_of": (1, "what"),
    "Telling": (0, "what"),
    "Kind": (0, "what"),
}
VARYING = "…"


def titles(source):
    """The set of titles in this source. Raises LookupError for one that it cannot work out."""
    tree, found = ast.parse(source), set()
    for scope in [tree, *(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))]:
        for call in calls_in(scope):
            found |= texts(title_argument(call), scope)
    return {title for title in found if title.strip(VARYING)}


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


def texts(node, scope):
    """All that this expression may be, as texts."""
    if isinstance(node, ast.Constant):
        return {str(node.value)}
    if isinstance(node, ast.JoinedStr):
        return joined([texts(part, scope) for part in node.values])
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return joined([texts(node.left, scope), texts(node.right, scope)])
    if isinstance(node, ast.IfExp):
        return texts(node.body, scope) | texts(node.orelse, scope)
    if isinstance(node, ast.BoolOp):
        return set().union(*(texts(value, scope) for value in node.values))
    if isinstance(node, ast.Name) and not is_parameter(node.id, scope):
        return set().union(*(texts(value, scope) for value in assigned(node.id, scope)))
    if isinstance(node, (ast.FormattedValue, ast.Attribute, ast.Call, ast.Name)):
        return {VARYING}  # of another title, or of this message alone
    raise LookupError(f"receiver.py line {node.lineno}: a title built in a new way; teach tests/guide/alarm_titles.py")


def joined(parts):
    return {"".join(choice) for choice in itertools.product(*parts)}


def is_parameter(name, scope):
    return isinstance(scope, ast.FunctionDef) and name in [one.arg for one in scope.args.args]


def assigned(name, scope):
    """The expressions that this function assigns to a name, alone or as one of several."""
    found = []
    for node in ast.walk(scope):
        for target in node.targets if isinstance(node, ast.Assign) else []:
            if isinstance(target, ast.Name) and target.id == name:
                found.append(node.value)
            elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                found += [v for t, v in zip(target.elts, node.value.elts) if isinstance(t, ast.Name) and t.id == name]
    if not found:
        raise LookupError(
            f"receiver.py: where the title {name!r} comes from is not seen; teach tests/guide/alarm_titles.py"
        )
    return found
