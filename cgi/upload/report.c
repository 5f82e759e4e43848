/* Counts and reports what became of the files of an upload. */
#include "report.h"

#include "base/buf.h"
#include "base/walk.h"

enum { LINE_BYTES = 16 * 1024 };

static const double recent_seconds = 4;

void report_start(struct report *report)
{
	memset(report, 0, sizeof(*report));
	progress_start(&report->progress, stderr);
}

void report_start_sending(struct report *report)
{
	progress_end(&report->progress);
	progress_start(&report->progress, stderr);
}

void report_release(struct report *report)
{
	for (size_t i = 0; i < REPORT_FAILURES_MAX; i++)
		free(report->failures[i]);
}

void report_loaded(struct report *report, int64_t bytes)
{
	report->loaded++;
	report->loaded_bytes += bytes;
}

void report_duplicate(struct report *report)
{
	report->duplicate++;
}

void report_present(struct report *report)
{
	report->duplicate++;
	report->present++;
}

void report_skipped(struct report *report, const char *reason, size_t count)
{
	size_t i = 0;

	report->skipped += count;
	while (i < REPORT_REASONS_MAX - 1 && report->reason[i].text && strcmp(report->reason[i].text, reason) != 0)
		i++;
	report->reason[i].text = reason;
	report->reason[i].count += count;
}

void report_failed(struct report *report, const char *path, const char *reason)
{
	struct buf line;

	if (report->failed++ >= REPORT_FAILURES_MAX)
		return;
	buf_init(&line, LINE_BYTES);
	walk_add_name(path, &line);
	buf_str(&line, ": ");
	walk_add_name(reason, &line);
	report->failures[report->failed - 1] = buf_detach(&line);
}

/* The rates of the last seconds, since known files pass much faster than new ones are sent. At first they are those
 * of the whole time, so that they do not climb from nothing. */
static void report_look(struct report *report, double done)
{
	double seconds = progress_seconds(&report->progress), passed = seconds - report->recent.seconds;
	double before = report->recent.seconds < recent_seconds ? report->recent.seconds : recent_seconds;
	double weight = passed / (passed + before), images = (double)report->loaded, bytes = (double)report->loaded_bytes;

	if (passed < 0.1)
		return;
	report->recent.done_rate += weight * ((done - report->recent.done) / passed - report->recent.done_rate);
	report->recent.image_rate += weight * ((images - report->recent.images) / passed - report->recent.image_rate);
	report->recent.byte_rate += weight * ((bytes - report->recent.bytes) / passed - report->recent.byte_rate);
	report->recent.seconds = seconds;
	report->recent.done = done;
	report->recent.images = images;
	report->recent.bytes = bytes;
}

void report_show(struct report *report, int64_t done, int64_t total)
{
	char words[160];
	double rate;

	report_look(report, (double)done);
	rate = report->recent.done_rate;
	snprintf(words, sizeof(words), "%zu images, %.0f images/s, %.1f MB/s%s", report->loaded + report->duplicate,
	         report->recent.image_rate, report->recent.byte_rate / 1e6, report->failed ? ", some failed" : "");
	progress_draw(&report->progress, total ? (double)done / (double)total : 0,
	              rate > 0 ? (double)(total - done) / rate : -1, words);
}

static void print_row(const char *words, size_t count)
{
	printf("  %-28s %8zu\n", words, count);
}

int report_print(struct report *report, const char *dataset, struct err *err)
{
	double seconds = progress_seconds(&report->progress);
	double divisor = seconds > 0.001 ? seconds : 0.001;

	progress_end(&report->progress);
	printf("Dataset %s\n", dataset);
	printf("  %-28s %8zu images, %.1f MB in %.1f s (%.0f images/s, %.1f MB/s)\n", "loaded", report->loaded,
	       (double)report->loaded_bytes / 1e6, seconds, (double)report->loaded / divisor,
	       (double)report->loaded_bytes / 1e6 / divisor);
	print_row("duplicate", report->duplicate);
	if (report->present)
		print_row("  there already, not sent", report->present);
	print_row("skipped", report->skipped);
	for (size_t i = 0; i < REPORT_REASONS_MAX && report->reason[i].text; i++)
		printf("    %-26s %8zu\n", report->reason[i].text, report->reason[i].count);
	print_row("failed", report->failed);
	for (size_t i = 0; i < report->failed && i < REPORT_FAILURES_MAX; i++)
		printf("    %s\n", report->failures[i]);
	if (report->failed > REPORT_FAILURES_MAX)
		printf("    … and %zu more\n", report->failed - REPORT_FAILURES_MAX);
	return fflush(stdout) ? err_errno(err, ERR_INTERNAL, "Cannot write to standard output") : 0;
}
