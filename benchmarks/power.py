"""Which planted faults a spec of a corpus catches, and how that grows with the number of pieces learned.

Learns every rule there is for the medium from the learned part of the corpus and prints Markdown tables: what is
caught of each fault, the same for each dose and rule, and, of music, the learning curve. Faults are planted in held-out
pieces.

    python benchmarks/power.py -o docs/power.png
    python benchmarks/power.py --corpus speech --limit 1500 --plant 200
"""

import argparse
from pathlib import Path

from verifier.corpora import corpus as corpora
from verifier.corpora.sample_sets import choose
from verifier.data.medium import batch_of, view_of
from verifier.music.view import PianoRollView
from verifier.report import formats
from verifier.report import power as report
from verifier.rule.registry import rules_for
from verifier.spec.provenance import CorpusRecord
from verifier.spec.spec import Spec
from verifier.verbs import learn
from verifier.verbs.power import learning_curve, power

HARD = (("moved", 1), ("moved", 3), ("chords-shuffled", 1))
"""What the learning curve plants: the hard negatives, which keep all that is trivial."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", default="bach", help="corpus to learn from (default bach)")
    parser.add_argument("--limit", type=int, help="learn from as many samples (default all)")
    parser.add_argument("--plant", type=int, help="plant in as many held-out samples (default all)")
    parser.add_argument("--alpha", type=float, default=0.05, help="false-alarm rate (default .05)")
    parser.add_argument("--seed", type=int, default=0, help="seed of what is planted, and where (default 0)")
    parser.add_argument("-o", "--output", type=Path, help="picture to write")
    options = parser.parse_args()
    if options.output:
        formats.require_formats([options.output], "power")
    corpus = corpora.load(options.corpus)
    how = corpora.Split(by=corpus.split_by)
    settings = next((manifest.view for manifest in corpora.names() if manifest.name == options.corpus), {})
    view = view_of(settings, corpus.pieces[0].kind)
    learned, held_out = (batch_of(pieces, view, keep_source=True) for pieces in corpora.split(corpus, how))
    learned, held_out = (
        batch if limit is None else batch.take(choose(len(batch), limit, options.seed))
        for batch, limit in ((learned, options.limit), (held_out, options.plant))
    )
    rules = {name: {} for name in rules_for(view.kind)}
    states, folds = learn.learn_folds(learned, rules, unit=lambda group: corpora.unit(group, how))
    states, folds = learn.with_trials(states, folds)
    states, calibration = learn.calibrate(states, held_out, folds)
    fields = {field: getattr(corpus.provenance, field) for field in corpora.Provenance.__struct_fields__}
    spec = Spec(
        name=corpus.name,
        view=view,
        corpus=CorpusRecord(name=corpus.name, split=how, **fields),
        rules=states,
        calibration=calibration,
    )
    table = power(spec, held_out, alpha=options.alpha, seed=options.seed)
    print("What is caught of each fault\n")
    print(report.summary(table))
    print("The same for each dose and rule\n")
    print(report.markdown(table))
    if isinstance(view, PianoRollView):
        known = {name: {} for name in table.rules()}
        curve = learning_curve(
            corpus.name, learned, held_out, known, faults=HARD, alpha=options.alpha, seed=options.seed
        )
        print("What all rules together catch, by the number of pieces learned\n")
        print(report.curve_markdown(curve))
    if options.output:
        formats.write(table, options.output)


if __name__ == "__main__":
    main()
