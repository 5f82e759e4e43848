/* A progress line on a terminal; nothing where nobody watches. One thread. */
#ifndef BASE_PROGRESS_H
#define BASE_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct progress {
	FILE *file;
	bool terminal;
	int64_t started_us, shown_us;
};

/* Draws on `file` if that is a terminal. */
void progress_start(struct progress *progress, FILE *file);
/* Redraws the line, at most ten times a second: a bar of done of total (0: not known, then no bar), a rate and the
 * time left, followed by `words`. */
void progress_show(struct progress *progress, size_t done, size_t total, const char *words);
/* The same with a bar of `part` (0 to 1), the time left as the caller knows it (negative: not known) and only
 * `words`. */
void progress_draw(struct progress *progress, double part, double seconds_left, const char *words);
/* Removes the line. */
void progress_end(struct progress *progress);
/* Seconds since the start. */
double progress_seconds(const struct progress *progress);

#endif
