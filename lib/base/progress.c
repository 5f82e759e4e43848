/* A progress line on a terminal; nothing where nobody watches. */
#include "base/progress.h"

#include <unistd.h>

#include "base/banned.h"
#include "base/clock.h"

enum { BAR = 24, SHOW_EVERY_US = 100 * 1000 };

void progress_start(struct progress *progress, FILE *file)
{
	*progress = (struct progress){.file = file, .terminal = isatty(fileno(file)), .started_us = clock_us()};
}

double progress_seconds(const struct progress *progress)
{
	return (double)(clock_us() - progress->started_us) / 1e6;
}

static void draw_bar(struct progress *progress, double part, double seconds_left)
{
	char bar[BAR + 1];
	size_t filled = (size_t)(part * (double)BAR);

	memset(bar, '.', BAR);
	memset(bar, '#', filled < BAR ? filled : BAR);
	bar[BAR] = '\0';
	fprintf(progress->file, "[%s] %3.0f%%  ", bar, part * 100);
	if (seconds_left >= 0)
		fprintf(progress->file, "%.0f s left  ", seconds_left);
}

static bool is_time_to_draw(struct progress *progress)
{
	int64_t now = clock_us();

	if (!progress->terminal || now - progress->shown_us < SHOW_EVERY_US)
		return false;
	progress->shown_us = now;
	fputs("\r\033[K", progress->file);
	return true;
}

void progress_draw(struct progress *progress, double part, double seconds_left, const char *words)
{
	if (!is_time_to_draw(progress))
		return;
	draw_bar(progress, part, seconds_left);
	fputs(words, progress->file);
	fflush(progress->file);
}

void progress_show(struct progress *progress, size_t done, size_t total, const char *words)
{
	double seconds = progress_seconds(progress);

	if (!is_time_to_draw(progress))
		return;
	double rate = seconds > 0 ? (double)done / seconds : 0;
	if (total)
		draw_bar(progress, (double)done / (double)total, rate > 0 ? (double)(total - done) / rate : -1);
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
