"""Spec: a view, where the corpus came from, and the rules learned. The YAML file that a person reads and edits."""

import functools
import gc
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import yaml
from msgspec import Meta, Struct, structs

from verifier.base.errors import InputError, located, printable
from verifier.base.files import read_text, replacing, replacing_all
from verifier.base.text import plural
from verifier.data.medium import Medium, decoded_view, medium_of
from verifier.data.storage import StorageProfile
from verifier.data.view import View
from verifier.judge.calibration import Calibration
from verifier.judge.coverage import RarefactionCurve
from verifier.judge.degraded import Degraded
from verifier.judge.sets import SetReference
from verifier.rule.registry import rule_named
from verifier.rule.rule import Checker, Rule
from verifier.spec import index as indexing
from verifier.spec.index import IndexRecord, Surroundings
from verifier.spec.migrations import SPEC_FORMAT, current_file
from verifier.spec.provenance import CorpusRecord
from verifier.spec.suppressions import Accepted, accepting, arranged, type_key

MAX_BYTES = 64 << 20
MAX_DEPTH = 64
T = TypeVar("T")


class _Head(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    verifier: Annotated[int, Meta(ge=SPEC_FORMAT, le=SPEC_FORMAT)]
    name: str
    view: dict[str, Any]
    corpus: CorpusRecord
    index: IndexRecord | None = None
    rules: list[Any]
    accepted: tuple[Accepted, ...] = ()
    facts: dict[str, Any] | None = None
    whole: dict[str, Any] | None = None
    calibration: Calibration | None = None
    degraded: Degraded | None = None


class Spec(Struct, frozen=True, kw_only=True):
    """What real data does. ``rules`` have different names; the order is that of the file."""

    name: str
    view: View
    corpus: CorpusRecord
    rules: tuple[Rule, ...]
    accepted: tuple[Accepted, ...] = ()
    """Violations that a person accepted: no longer counted as such, but still reported."""
    facts: StorageProfile | None = None
    """How the corpus is stored; samples stored otherwise are reported as such."""
    whole: SetReference | None = None
    """What real sets cover and repeat, by their size."""
    calibration: Calibration | None = None
    """What held-out real data scored; None if nothing was held out, and then there are no p-values."""
    index: IndexRecord | None = None
    """The file beside it that the checks of whole sets compare with; None if they compare with nothing."""
    surroundings: Surroundings = Surroundings()
    """Where it was read from, with that file; no part of what is written."""
    degraded: Degraded | None = None
    """What some of it scores after the usual processing; None if its medium names none."""

    def __repr__(self) -> str:
        rules = f"{plural('rule', len(self.rules))} of {self.view.kind}"
        return f"Spec({self.name!r}, {rules}, from {self.corpus.groups:,} groups of {self.corpus.name})"

    def _repr_html_(self) -> str:
        """A table of rules, for a notebook."""
        rows = "".join(
            f"<tr><th style='text-align:left'>{rule.name()}</th><td>{rule.support.trials:,}</td>"
            f"<td>{f'{rule.held_out.rate:.2%}' if rule.held_out else ''}</td></tr>"
            for rule in self.rules
        )
        head = "<th>rule</th><th>learned from trials</th><th>unseen real data breaks it</th>"
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"

    def save(self, path: str | Path) -> None:
        """Write the spec as YAML, and its index beside it (``bach.yaml``, ``bach.index.npz``): both whole, or nothing.

        Raises InputError for a place that cannot be written to.
        """
        dump(self, Path(path))

    def indices(self) -> dict[str, Any]:
        """What the checks of whole sets compare samples with, by their keys; or why that is not at hand."""
        checks = medium_of(self.view).set_checks() or ()
        data, file = self.surroundings.index, self.surroundings.file
        if data is not None:
            place = str(indexing.beside(file)) if file else f"the index of {self.name}"
            return indexing.unpacked(data, checks, self.view, place)
        return {check.key: indexing.why_missing(self.index, self.surroundings) for check in checks}

    def compile(self) -> dict[str, Checker]:
        """A checker for each rule, by name."""
        return {
            rule.name(): accepting(rule, [entry for entry in self.accepted if entry.rule == rule.name()], self.facts)
            for rule in self.rules
        }

    def rule(self, name: str) -> Rule:
        """The rule of that name. Raises InputError if the spec has none."""
        for rule in self.rules:
            if rule.name() == name:
                return rule
        raise InputError(f"spec {self.name}", f"expected one of its rules ({self._listed()}), found {name!r}")

    def selected(self, only: Sequence[str], skip: Sequence[str]) -> "Spec":
        """The spec with only the rules named (all if none are named), less those skipped. Raises InputError."""
        for name in (*only, *skip):
            self.rule(name)
        kept = tuple(rule for rule in self.rules if (not only or rule.name() in only) and rule.name() not in skip)
        if not kept:
            raise InputError(f"spec {self.name}", "no rule is left to check")
        names = {rule.name() for rule in kept}
        return structs.replace(
            self, rules=kept, accepted=tuple(entry for entry in self.accepted if entry.rule in names)
        )

    def _listed(self) -> str:
        return ", ".join(rule.name() for rule in self.rules)


def load(path: Path) -> Spec:
    """The spec in a YAML file, with the index beside it. Raises InputError that names the place in the file, and for an
    index that is not the spec's.
    """
    spec = loads(read_text(path, "a spec file", MAX_BYTES), path)
    found = indexing.read(path, spec.index) if spec.index else None
    return structs.replace(spec, surroundings=Surroundings(path, found))


def loads(text: str, place: object = "spec") -> Spec:
    """The spec in a text. Raises InputError; ``place`` says in its message where the text came from."""
    data = _parsed(text, place)
    if not isinstance(data, dict) or "verifier" not in data:
        raise InputError(place, f"expected a spec, which starts with 'verifier: {SPEC_FORMAT}'; found something else")

    def at_line(convert: Callable[[], T], prefix: str) -> T:
        try:
            return convert()
        except msgspec.ValidationError as error:
            problem, _, at = str(error).partition(" - at `")
            at = at.removeprefix("key` in `")
            path = prefix + at.rstrip("`").removeprefix("$")
        except InputError as error:  # from a rule that looked into its own table
            problem, path = str(error), prefix
        path = path.removeprefix(".")
        problem = problem[:1].lower() + problem[1:].replace("`", "'")
        line = _line_of(text, path)
        raise InputError(
            f"{printable(place)}{f', line {line}' if line else ''}", f"{path}: {problem}" if path else problem
        )

    data = at_line(functools.partial(current_file, data), "verifier")
    head = at_line(functools.partial(msgspec.convert, data, _Head), "")
    view = at_line(functools.partial(decoded_view, head.view), "view")
    medium = medium_of(view)
    rules: list[Rule] = []
    for i, item in enumerate(head.rules):
        others = {rule.name() for rule in rules}
        rules.append(at_line(functools.partial(_rule, item, view.kind, others), f"rules[{i}]"))
    for i, entry in enumerate(head.accepted):
        at_line(functools.partial(_require_accepted, entry, rules), f"accepted[{i}]")
    facts, whole = head.facts, None
    if facts is not None:
        facts = at_line(functools.partial(msgspec.convert, facts, medium.storage), "facts")
    if head.whole is not None:
        whole = at_line(functools.partial(_set_reference, head.whole, medium), "whole")
    if (calibration := head.calibration) is not None:
        at_line(functools.partial(calibration.require_rules, [rule.name() for rule in rules]), "calibration")
    if head.degraded is not None:
        at_line(functools.partial(head.degraded.require, calibration, medium.degradations()), "degraded")
    return Spec(
        name=head.name,
        view=view,
        corpus=head.corpus,
        rules=tuple(rules),
        accepted=arranged(head.accepted),
        facts=facts,
        whole=whole,
        calibration=calibration,
        index=head.index,
        degraded=head.degraded,
    )


def _set_reference(data: dict[str, Any], medium: Medium) -> SetReference:
    """What the file says of real sets. Raises InputError for a check that the medium does not have."""
    checks = {check.key: check for check in medium.set_checks() or ()}
    found: dict[str, Struct] = {}
    covered: dict[str, RarefactionCurve] = {}
    for key, value in data.items():
        try:
            if key == "coverage":
                covered = msgspec.convert(value, dict[str, RarefactionCurve])
            elif key in checks:
                found[key] = msgspec.convert(value, checks[key].reference)
            else:
                raise InputError("", f"expected one of {', '.join(['coverage', *checks])}, found {key!r}")
        except msgspec.ValidationError as error:
            raise located(error, f"$.{key}") from None
    return SetReference(coverage=covered, checks=found)


def _require_accepted(entry: Accepted, rules: Sequence[Rule]) -> None:
    """Raise InputError if the entry accepts what no rule of the spec has a name for."""
    found = [rule for rule in rules if rule.name() == entry.rule]
    if not found:
        listed = ", ".join(rule.name() for rule in rules)
        raise InputError("", f"expected one of the rules of the spec ({listed}), found {entry.rule!r}")
    if entry.kind is not None:
        type_key(found[0], entry.kind)


def _rule(item: object, kind: str, taken: set[str]) -> Rule:
    """One entry of the list of rules. Raises InputError or msgspec's ValidationError."""
    if not isinstance(item, dict) or not isinstance(item.get("rule"), str):
        raise InputError("", "expected a rule, a map with the key 'rule'")
    cls = rule_named(item["rule"], kind)
    if cls.name() in taken:
        raise InputError("", f"a second {cls.name()}; a rule can stand in a spec once")
    rule = msgspec.convert(item, cls)
    rule.validate()
    return rule


def document(spec: Spec) -> dict[str, Any]:
    """The spec as plain types, as a file holds it: of each rule the options first, then its support, then the rest."""
    found = {
        "verifier": SPEC_FORMAT,
        "name": spec.name,
        "view": _builtins(spec.view),
        "corpus": {"name": spec.corpus.name, **_builtins(spec.corpus)},
    }
    if spec.index is not None:
        found["index"] = msgspec.to_builtins(spec.index)
    found["rules"] = [_ordered(rule) for rule in spec.rules]
    if spec.accepted:
        found["accepted"] = [msgspec.to_builtins(entry) for entry in arranged(spec.accepted)]
    if spec.facts is not None:
        found["facts"] = msgspec.to_builtins(spec.facts)
    if spec.whole is not None:
        found["whole"] = msgspec.to_builtins({"coverage": spec.whole.coverage, **spec.whole.checks})
    if spec.calibration is not None:
        found["calibration"] = msgspec.to_builtins(spec.calibration)
    if spec.degraded is not None:
        found["degraded"] = msgspec.to_builtins(spec.degraded)
    return found


def dumps(spec: Spec) -> str:
    """The spec as YAML: short maps on one line, sorted, so that a text diff of two specs reads well."""
    return re.sub(
        r"^(- rule|accepted|facts|whole|calibration|degraded):", r"\n\1:", _yaml(document(spec)), flags=re.MULTILINE
    )


def _yaml(data: dict[str, Any]) -> str:
    text: str = yaml.dump(
        data, Dumper=yaml.CSafeDumper, default_flow_style=None, sort_keys=False, width=118, allow_unicode=True
    )
    return text


def dump(spec: Spec, path: Path) -> None:
    """Write the spec to a file, and its index, if it is at hand, beside it: both whole, or nothing."""
    data = spec.surroundings.index if spec.index else None
    paths = [path] if data is None else [indexing.beside(path), path]
    with replacing_all(paths) as temporaries:
        temporaries[-1].write_text(dumps(spec), encoding="utf-8")
        if data is not None:
            temporaries[0].write_bytes(data)


def accept(path: Path, entry: Accepted) -> None:
    """Add an accepted kind or sample to a spec file. The rest of its text, comments too, stays as it is.

    Raises InputError if the file already has it.
    """
    spec = load(path)
    for other in spec.accepted:
        if other.identity() == entry.identity():
            raise InputError(path, f"is already accepted, because: {other.reason}")
    wanted = structs.replace(spec, accepted=arranged((*spec.accepted, entry)))
    text = path.read_text(encoding="utf-8")
    block = _yaml({"accepted": document(wanted)["accepted"]})
    # The key with all that belongs to it: lines that are indented, list items, and what stands between them.
    without = re.sub(r"^accepted:.*\n(?:(?:[ \t-].*)?\n)*", "", text, flags=re.MULTILINE)
    at = re.search(r"^(facts|whole|calibration|degraded):", without, re.MULTILINE)
    cut = at.start() if at else len(without)
    edited = f"{without[:cut].rstrip()}\n\n{block}" + (f"\n{without[cut:]}" if at else "")
    try:
        unharmed = loads(edited) == wanted
    except InputError:
        unharmed = False
    with replacing(path) as temporary:  # a file that is laid out in another way is written anew
        temporary.write_text(edited if unharmed else dumps(wanted), encoding="utf-8")


def _ordered(rule: Rule) -> dict[str, Any]:
    found = _builtins(rule)
    options = [name.replace("_", "-") for name in rule.options()]
    common = [field.replace("_", "-") for field in Rule.__struct_fields__]
    learned = [name for name in found if name not in {"rule", *options, *common}]
    return {name: found[name] for name in ["rule", *options, *common, *learned] if name in found}


def _builtins(value: Any) -> dict[str, Any]:
    """As plain types, without the fields that are None and have no meaning of their own as null."""
    found: dict[str, Any] = msgspec.to_builtins(value)
    keep = {"window"}  # null is a setting there: pieces stay whole
    return {
        name: int(item) if isinstance(item, float) and item.is_integer() else item
        for name, item in found.items()
        if item is not None or name in keep
    }


def _line_of(text: str, path: str) -> int | None:
    """The line in which the node at ``path`` (``rules[0].support.pieces``) starts, or its nearest ancestor."""
    try:
        node = yaml.compose(text, yaml.CSafeLoader)
    except yaml.YAMLError:
        return None
    line: int | None = None
    for name, index in re.findall(r"([^.\[\]]+)|\[(\d+|\.\.\.)\]", path):
        if name and isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if key.value == name]
            if not found:
                break
            key, node = found[0]
            line = key.start_mark.line + 1
        elif index.isdigit() and isinstance(node, yaml.SequenceNode) and int(index) < len(node.value):
            node = node.value[int(index)]
            line = node.start_mark.line + 1
        else:
            break
    return line


def _parsed(text: str, place: object) -> Any:
    """Safe YAML, less what a spec has no use for: repeated keys (the last would win in silence), aliases (a short file
    could unfold into a huge one), and tags. Half of PyYAML's time is in its constructor, which this does without.

    Raises InputError.
    """
    collects = gc.isenabled()
    gc.disable()  # it would look at a hundred thousand nodes again and again, none of which is garbage yet
    try:
        root = yaml.compose(text, _Loader)
        return None if root is None else _plain(root, set())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        at = f", line {mark.line + 1}" if mark else ""
        raise InputError(f"{printable(place)}{at}", f"not valid YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:  # a character that YAML does not allow
        raise InputError(place, f"not valid YAML: {' '.join(str(error).split())}") from None
    finally:
        if collects:
            gc.enable()


class _Loader(yaml.CSafeLoader):
    """CSafeLoader, which asks a list of patterns what each scalar is: most are plain numbers, seen at a glance. It goes
    down by recursion, in C, where nothing but the end of the stack would stop it.
    """

    depth = 0

    def descend_resolver(self, parent: yaml.Node | None, index: Any) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            mark = parent.start_mark if parent else None
            raise yaml.composer.ComposerError(None, None, f"more than {MAX_DEPTH} levels", mark)

    def ascend_resolver(self) -> None:
        self.depth -= 1

    def resolve(self, kind: type[yaml.Node], value: str | None, implicit: Any) -> str:
        if kind is yaml.ScalarNode and implicit[0] and value:
            if _is_plain_number(value):
                return "tag:yaml.org,2002:int"
            if _DECIMAL.fullmatch(value):
                return "tag:yaml.org,2002:float"
        return str(super().resolve(kind, value, implicit))  # type: ignore[no-untyped-call]  # PyYAML has no types here


_DECIMAL = re.compile(r"-?[0-9]+\.[0-9]+")


def _is_plain_number(value: str) -> bool:
    return value.isascii() and value.isdigit() and value[0] != "0"


_CONSTRUCTOR = yaml.constructor.SafeConstructor()


def _scalar(node: yaml.ScalarNode) -> Any:
    if node.tag == "tag:yaml.org,2002:str":
        return node.value
    if node.tag == "tag:yaml.org,2002:float" and _DECIMAL.fullmatch(node.value):
        return float(node.value)
    problem = "expected a number of at most 64 bits"
    try:
        plain = node.tag == "tag:yaml.org,2002:int" and _is_plain_number(node.value)
        found = int(node.value) if plain else _CONSTRUCTOR.construct_object(node)
        if not isinstance(found, int) or -(2**63) <= found < 2**64:
            return found
    except ValueError as error:  # a number with thousands of digits, a date that no calendar has
        if not node.tag.endswith(":int"):
            problem = f"expected a value, found {node.value[:40]!r}: {error}"
    raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


def _plain(node: yaml.Node, seen: set[int]) -> Any:
    if id(node) in seen:
        raise yaml.constructor.ConstructorError(None, None, "aliases are not allowed in a spec", node.start_mark)
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node)
    if isinstance(node, yaml.SequenceNode) and node.tag == "tag:yaml.org,2002:seq":
        return [_plain(item, seen) for item in node.value]
    if not isinstance(node, yaml.MappingNode) or node.tag != "tag:yaml.org,2002:map":
        return _CONSTRUCTOR.construct_object(node)
    mapping: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = _plain(key_node, seen) if isinstance(key_node, yaml.ScalarNode) else None
        problem = None
        if not isinstance(key, (str, int)):
            problem = "expected a name or a number as a key"
        elif key in mapping:
            problem = f"the key {key!r} stands here twice"
        if problem:
            raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
        mapping[key] = _plain(value_node, seen)
    return mapping
