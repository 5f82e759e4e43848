/* A progress line on a terminal; nothing where nobody watches. */
#include "admin/progress.h"

#include <time.h>
#include <unistd.h>

#include "base/banned.h"

enum { BAR = 24, SHOW_EVERY_US = 100 * 1000 };

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void progress_start(struct progress *progress, FILE *file)
{
	*progress = (struct progress){.file = file, .terminal = isatty(fileno(file)), .started_us = now_us()};
}

double progress_seconds(const struct progress *progress)
{
	return (double)(now_us() - progress->started_us) / 1e6;
}

static void draw_bar(struct progress *progress, size_t done, size_t total, double rate)
{
	char bar[BAR + 1];
	size_t filled = total ? done * BAR / total : 0;

	memset(bar, '.', BAR);
	memset(bar, '#', filled < BAR ? filled : BAR);
	bar[BAR] = '\0';
	fprintf(progress->file, "[%s] %3zu%%  ", bar, done * 100 / total);
	if (rate > 0)
		fprintf(progress->file, "%.0f s left  ", (double)(total - done) / rate);
}

void progress_show(struct progress *progress, size_t done, size_t total, const char *words)
{
	int64_t now = now_us();
	double seconds = progress_seconds(progress);

	if (!progress->terminal || now - progress->shown_us < SHOW_EVERY_US)
		return;
	progress->shown_us = now;
	double rate = seconds > 0 ? (double)done / seconds : 0;
	fputs("\r\033[K", progress->file);
	if (total)
		draw_bar(progress, done, total, rate);
	fprintf(progress->file, "%zu files, %.0f/s%s%s", done, rate, *words ? ", " : "", words);
	fflush(progress->file);
}

void progress_end(struct progress *progress)
{
	if (progress->terminal && progress->shown_us) {
		fputs("\r\033[K", progress->file);
		fflush(progress->file);
	}
}
