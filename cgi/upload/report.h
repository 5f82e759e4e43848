/* What became of the files of an upload: counted, shown while it runs, listed at its end. One thread. */
#ifndef UPLOAD_REPORT_H
#define UPLOAD_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/progress.h"

enum {
	REPORT_REASONS_MAX = 16,
	REPORT_FAILURES_MAX = 10000, /* listed at the end; all are counted */
};

struct report {
	struct progress progress;
	size_t loaded, duplicate, present, skipped, failed;
	int64_t loaded_bytes;
	struct {
		const char *text;
		size_t count;
	} reason[REPORT_REASONS_MAX]; /* why files were skipped */
	char *failures[REPORT_FAILURES_MAX];
	struct { /* the counts at the last look, and rates over about the last seconds */
		double seconds, done, images, bytes, done_rate, image_rate, byte_rate;
	} recent;
};

void report_start(struct report *report);
/* Starts the clock. */
void report_start_sending(struct report *report);
void report_release(struct report *report);

void report_loaded(struct report *report, int64_t bytes);
void report_duplicate(struct report *report);
void report_present(struct report *report); /* a duplicate that was not even sent */
/* `reason` is static text. */
void report_skipped(struct report *report, const char *reason, size_t count);
void report_failed(struct report *report, const char *path, const char *reason);

/* Redraws the progress line; `done` of `total` is the progress (in files, or in bytes of an archive). */
void report_show(struct report *report, int64_t done, int64_t total);
/* Prints the table and the failures. */
int report_print(struct report *report, const char *dataset, struct err *err);

#endif
