"""How far people agree, as the packages of statisticians compute it, in a Python of its own (test_agreement.py).

Usage: agreement.py <VOTES     VOTES and what is printed are JSON: a list of samples, each a list of the people's labels, null for none
"""
import itertools
import json
import sys
from collections import Counter

import krippendorff
import numpy
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import fleiss_kappa


def fleiss(rows, labels):
    """Of the samples with the number of votes that most have, as the measure wants; of two that as many have, the greater one."""
    given = [[label for label in row if label] for row in rows]
    frequent = Counter(len(row) for row in given if len(row) > 1)
    voters = max(frequent, key=lambda number: (frequent[number], number))
    return fleiss_kappa(numpy.array([[row.count(label) for label in labels] for row in given if len(row) == voters]))


def alpha(rows, labels):
    numbers = [[labels.index(label) if label else numpy.nan for label in row] for row in rows]
    return krippendorff.alpha(reliability_data=numpy.array(numbers).T, level_of_measurement="nominal")


def cohen(rows, labels, one, other):
    pairs = [(row[one], row[other]) for row in rows if row[one] and row[other]]
    return [cohen_kappa_score(*zip(*pairs)), len(pairs)]


def main():
    rows = json.load(sys.stdin)
    labels = sorted({label for row in rows for label in row if label})
    twos = itertools.combinations(range(len(rows[0])), 2)
    print(json.dumps({"fleiss": fleiss(rows, labels), "alpha": alpha(rows, labels), "cohen": [cohen(rows, labels, *two) for two in twos]}))


if __name__ == "__main__":
    main()
