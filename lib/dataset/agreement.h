/* How far people agree on labels: the measures that statisticians use, computed from counts of pairs of votes. Pure;
 * thread-safe.
 *
 * A measure that is not defined is NAN: without a sample on which two people voted, or where chance alone would make
 * everybody agree, since there is only one label. Labels are told apart by a number, such as their key. */
#ifndef DATASET_AGREEMENT_H
#define DATASET_AGREEMENT_H

#include <stddef.h>
#include <stdint.h>

/* For fleiss and krippendorff: `count` pairs of votes, for a and for b, on samples with `voters` votes each. A sample
 * with m votes has m (m - 1) / 2 pairs, whatever their order: a and b may be swapped, and a pair may be listed in
 * parts.
 * For cohen: on `count` samples one person said a, and the other one b; voters is not used. */
struct agreement_pair {
	int64_t voters;
	int64_t a, b;
	int64_t count;
};

/* Cohen's kappa (1960) of two people, for the samples on which both voted; *n gets their number. */
double agreement_cohen(const struct agreement_pair *pairs, size_t count, int64_t *n);

/* Fleiss' kappa (1971), which is defined for samples with the same number of votes: for those with the number of votes
 * that most samples have, of two and more (the greater number, when two are equally frequent). */
double agreement_fleiss(const struct agreement_pair *pairs, size_t count);

/* Krippendorff's alpha for nominal data (2011), of all samples with two votes and more: votes may be missing. */
double agreement_krippendorff(const struct agreement_pair *pairs, size_t count);

#endif
