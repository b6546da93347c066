"""Which planted faults a spec of the chorales catches, and how that grows with the number of chorales learned.

Learns every rule there is from the learned part of the corpus and prints three Markdown tables: what is caught of each
fault, the same for each dose and rule, and the learning curve. Faults are planted in held-out chorales.

    python benchmarks/power.py -o docs/power.png
"""

import argparse
from pathlib import Path

from verifier import corpora, learn
from verifier.media.piano_roll import batch_of
from verifier.power import learning_curve, power
from verifier.report import power as report
from verifier.rule import registry
from verifier.spec import CorpusRecord, Spec
from verifier.view import PianoRollView


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", default="bach", help="corpus to learn from (default bach)")
    parser.add_argument("--alpha", type=float, default=0.05, help="false-alarm rate (default .05)")
    parser.add_argument("--seed", type=int, default=0, help="seed of what is planted, and where (default 0)")
    parser.add_argument("-o", "--output", type=Path, help="picture to write")
    options = parser.parse_args()
    if options.output:
        report.require_formats([options.output])
    view, how = PianoRollView(), corpora.Split()
    corpus = corpora.load(options.corpus)
    learned, held_out = (batch_of(pieces, view) for pieces in corpora.split(corpus, how))
    rules = {name: {} for name in registry()}
    fields = {field: getattr(corpus.provenance, field) for field in corpora.Provenance.__struct_fields__}
    spec = Spec(
        name=corpus.name,
        view=view,
        corpus=CorpusRecord(name=corpus.name, split=how, **fields),
        rules=learn.learn_rules(learned, rules),
    )
    table = power(spec, held_out, alpha=options.alpha, seed=options.seed)
    print("What is caught of each fault\n")
    print(report.summary(table))
    print("The same for each dose and rule\n")
    print(report.markdown(table))
    curve = learning_curve(corpus.name, learned, held_out, rules, alpha=options.alpha, seed=options.seed)
    print("What all rules together catch, by the number of pieces learned\n")
    print(report.curve_markdown(curve))
    if options.output:
        report.write(table, options.output)


if __name__ == "__main__":
    main()
