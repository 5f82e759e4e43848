/* The metrics of programs: what each has counted of its requests, and what it uses. */
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "fastcgi/meter.h"
#include "metrics.h"

enum { STATM_MAX = 256 };

static const char *const classes[METER_CLASSES] = {"1xx", "2xx", "3xx", "4xx", "5xx"};

static uint64_t count_class(const struct meter_class *class)
{
	uint64_t count = 0;

	for (size_t i = 0; i < METER_BUCKETS; i++)
		count += class->bucket[i];
	return count;
}

/* A histogram of a route's requests with one class of status. Those without any are left out: most never have one. */
static void add_durations(struct family *family, const char *program, const struct meter_route *route, size_t class)
{
	const struct meter_class *counted = &route->of[class];
	uint64_t below = 0;

	for (size_t i = 0; i < METER_BUCKETS; i++) {
		below += counted->bucket[i];
		family_add(family, "_bucket", (double)below, "program", program, "method", route->method, "route", route->path,
		           "status", classes[class], "le", i < METER_BUCKETS - 1 ? meter_bounds[i].seconds : "+Inf", NULL);
	}
	family_add(family, "_sum", (double)counted->microseconds / MICROSECONDS, "program", program, "method",
	           route->method, "route", route->path, "status", classes[class], NULL);
	family_add(family, "_count", (double)below, "program", program, "method", route->method, "route", route->path,
	           "status", classes[class], NULL);
}

static void add_requests(struct family *families, const struct meter_reading *reading)
{
	uint64_t of_class[METER_CLASSES] = {0};

	for (size_t i = 0; i <= reading->route_count; i++) {
		for (size_t class = 0; class < METER_CLASSES; class ++) {
			uint64_t count = count_class(&reading->route[i].of[class]);

			of_class[class] += count;
			if (count > 0)
				add_durations(&families[METRIC_DURATION], reading->program, &reading->route[i], class);
		}
	}
	for (size_t class = 1; class < METER_CLASSES; class ++)
		family_add(&families[METRIC_REQUESTS], "", (double)of_class[class], "program", reading->program, "status",
		           classes[class], NULL);
}

/* The second number of /proc/PID/statm, in pages (proc(5)); 0: the process is gone. */
static double resident_bytes(pid_t pid)
{
	char path[64];
	struct buf text;
	long long size, pages = 0;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	buf_init(&text, STATM_MAX);
	if (file_read(path, STATM_MAX, &text, NULL) || sscanf(buf_text(&text), "%lld %lld", &size, &pages) != 2)
		pages = 0;
	buf_release(&text);
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static void add_process(struct family *families, const struct meter_reading *reading)
{
	clockid_t clock;
	struct timespec used;
	double memory = resident_bytes(reading->pid);

	if (memory <= 0)
		return;
	family_add(&families[METRIC_MEMORY], "", memory, "program", reading->program, NULL);
	if (clock_getcpuclockid(reading->pid, &clock) == 0 && clock_gettime(clock, &used) == 0)
		family_add(&families[METRIC_CPU], "", (double)clock_us_of(used) / MICROSECONDS, "program", reading->program,
		           NULL);
	family_add(&families[METRIC_UPTIME], "", (double)(text_now() - reading->started) / MICROSECONDS, "program",
	           reading->program, NULL);
}

static void add_program(void *data, const struct meter_reading *reading)
{
	struct family *families = data;
	const char *program = reading->program;

	add_requests(families, reading);
	family_add(&families[METRIC_RECEIVED], "", (double)reading->received, "program", program, NULL);
	family_add(&families[METRIC_SENT], "", (double)reading->sent, "program", program, NULL);
	family_add(&families[METRIC_STORE_ERRORS], "", (double)reading->failed[ERR_FROM_DATASETS], "program", program,
	           "store", "datasets", NULL);
	family_add(&families[METRIC_STORE_ERRORS], "", (double)reading->failed[ERR_FROM_IMAGES], "program", program,
	           "store", "images", NULL);
	family_add(&families[METRIC_STARTED], "", (double)reading->started / MICROSECONDS, "program", program, NULL);
	add_process(families, reading);
}

void metrics_add_programs(struct family *families, const struct app *app)
{
	struct buf folder;
	struct err ignored;

	buf_init(&folder, PATH_MAX);
	buf_printf(&folder, "%s/" METER_FOLDER, app->state_dir);
	meter_read(buf_text(&folder), add_program, families, &ignored);
	buf_release(&folder);
}
