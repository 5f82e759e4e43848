/* What a check has found, by kind. One thread. */
#ifndef ADMIN_CHECK_REPORT_H
#define ADMIN_CHECK_REPORT_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum check_kind {
	CHECK_DATABASE, /* the database itself is damaged */
	CHECK_COUNTS,   /* a kept count is not what counting gives */
	CHECK_STATS,    /* the same of counts for the statistics */
	CHECK_HISTORY,  /* a sample's label is in nothing that was said of it */
	CHECK_MISSING,  /* an image, or a snapshot's manifest, is not in the image store */
	CHECK_SIZE,     /* it has another size there */
	CHECK_FOLDER,   /* the file of a sample is not in the dataset's folder */
	CHECK_ORPHAN,   /* an object of the image store belongs to nothing */
	CHECK_THUMB,    /* a thumbnail of what is no more */
	CHECK_KINDS
};
enum { CHECK_EXAMPLES = 5, CHECK_EXAMPLE_BYTES = 1400 };

struct check_finding {
	int64_t found, repaired;
	char examples[CHECK_EXAMPLES][CHECK_EXAMPLE_BYTES];
	size_t shown;
};
struct check_report {
	struct check_finding of[CHECK_KINDS];
	int64_t datasets, samples, images; /* looked at */
	int64_t unchecked;                 /* datasets, or whole parts of the check, that failed; told of on stderr */
};

/* Counts one; its text is kept while there are few. */
void check_found(struct check_report *report, enum check_kind kind, bool repaired, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Found and not repaired. */
int64_t check_left(const struct check_report *report);
void check_print(const struct check_report *report);
cJSON *check_json(const struct check_report *report);

#endif
