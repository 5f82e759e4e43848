/* Prometheus's text format, version 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/): families of
 * samples, each whole before the next one begins. */
#ifndef EXPOSITION_H
#define EXPOSITION_H

#include "base/buf.h"

struct metric {
	const char *name;
	const char *type; /* "counter", "gauge", "histogram" */
	const char *help; /* a sentence without backslashes */
};
struct family {
	const struct metric *metric;
	struct buf samples; /* lines */
};

/* Adds a sample: pairs of a label's name and value, ended by NULL. suffix is "" but in a histogram. Values from outside
 * may hold anything. */
void family_add(struct family *family, const char *suffix, double value, ...) __attribute__((sentinel));
/* Appends the family to out, if it has any sample, and releases them. */
void family_end(struct family *family, struct buf *out);

#endif
