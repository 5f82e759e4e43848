/* Counts requests in shared memory, and reads what other programs have counted. */
#include "fastcgi/meter.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/memory.h"
#include "base/text.h"
#include "fastcgi/app.h"

const struct meter_bound meter_bounds[METER_BUCKETS - 1] = {
	{1000, "0.001"},    {2500, "0.0025"},   {5000, "0.005"},    {10000, "0.01"},    {25000, "0.025"},
	{50000, "0.05"},    {100000, "0.1"},    {250000, "0.25"},   {500000, "0.5"},    {1000000, "1"},
	{2500000, "2.5"},   {10000000, "10"},   {30000000, "30"},   {300000000, "300"},
};

/* The file. Of another build it may have another shape, which its size and this number tell. */
#define METER_MAGIC UINT64_C(0x31726574656d6c69)
struct table {
	_Atomic uint64_t magic; /* 0 while the table is being begun */
	struct meter_reading counted;
};

struct meter {
	struct table *table;
	size_t size;
	bool shared; /* false: in this process's own memory */
	const struct route *routes;
};

typedef _Atomic uint64_t cell;

static size_t size_of_table(size_t routes)
{
	return offsetof(struct table, counted.route) + (routes + 1) * sizeof(struct meter_route);
}

/* Takes the room on the disk at once: writing to memory for which there is none later would end the program. The file
 * is a new one: its predecessor may still be read, and written by the process that this one is to replace. */
static struct table *map_file(const char *path, size_t size, struct err *err)
{
	unlink(path);
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0) {
		err_errno(err, ERR_UNAVAILABLE, "%s cannot be made", path);
		return NULL;
	}
	int full = posix_fallocate(fd, 0, (off_t)size);
	void *memory = full ? MAP_FAILED : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (full)
		errno = full;
	if (memory == MAP_FAILED)
		err_errno(err, ERR_UNAVAILABLE, "%s cannot be shared", path);
	close(fd);
	return memory == MAP_FAILED ? NULL : memory;
}

static struct table *map_table(const char *folder, const char *program, size_t size, struct err *err)
{
	struct buf path;

	buf_init(&path, PATH_MAX);
	buf_printf(&path, "%s/%s", folder, program);
	mkdir(folder, 0700); /* else opening the file says what is wrong */
	struct table *table = map_file(buf_text(&path), size, err);
	buf_release(&path);
	return table;
}

static void begin_table(struct table *table, size_t size, const char *program, const struct route *routes)
{
	struct meter_reading *counted = &table->counted;

	atomic_store(&table->magic, 0);
	memset(counted, 0, size - offsetof(struct table, counted));
	snprintf(counted->program, sizeof(counted->program), "%s", program);
	counted->pid = getpid();
	counted->started = text_now();
	for (const struct route *route = routes; route->method; route++) {
		struct meter_route *kept = &counted->route[counted->route_count++];

		snprintf(kept->method, sizeof(kept->method), "%s", route->method);
		snprintf(kept->path, sizeof(kept->path), "%s", route->path);
	}
	atomic_store(&table->magic, METER_MAGIC);
}

struct meter *meter_open(const char *folder, const char *program, const struct route *routes, struct err *err)
{
	struct meter *meter = memory_new(1, sizeof(*meter));
	size_t count = 0;

	while (routes[count].method && count < METER_ROUTES_MAX)
		count++;
	err->code = ERR_NONE;
	meter->routes = routes;
	meter->size = size_of_table(count);
	meter->table = map_table(folder, program, meter->size, err);
	meter->shared = meter->table != NULL;
	if (!meter->shared)
		meter->table = memory_new(1, meter->size);
	begin_table(meter->table, meter->size, program, routes);
	return meter;
}

void meter_free(struct meter *meter)
{
	if (meter && meter->shared)
		munmap(meter->table, meter->size);
	else if (meter)
		free(meter->table);
	free(meter);
}

static void meter_add(uint64_t *counter, uint64_t more)
{
	atomic_fetch_add_explicit((cell *)counter, more, memory_order_relaxed);
}

static size_t bucket_of(int64_t microseconds)
{
	size_t bucket = 0;

	while (bucket < METER_BUCKETS - 1 && microseconds > meter_bounds[bucket].microseconds)
		bucket++;
	return bucket;
}

static size_t class_of(int status)
{
	return status < 200 ? 0 : status >= 500 ? METER_CLASSES - 1 : (size_t)(status / 100 - 1);
}

void meter_note(struct meter *meter, const struct meter_request *request)
{
	struct meter_reading *counted = &meter->table->counted;
	size_t route = request->route ? (size_t)(request->route - meter->routes) : counted->route_count;
	struct meter_class *class = &counted->route[route].of[class_of(request->status)];

	meter_add(&class->bucket[bucket_of(request->microseconds)], 1);
	meter_add(&class->microseconds, (uint64_t)request->microseconds);
	meter_add(&counted->received, (uint64_t)request->received);
	meter_add(&counted->sent, (uint64_t)request->sent);
}

void meter_note_failure(struct meter *meter, const struct err *err)
{
	if (err->origin != ERR_FROM_ANYWHERE)
		meter_add(&meter->table->counted.failed[err->origin], 1);
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

/* Copies number by number, so that each is one that was there. */
static void copy_cells(struct table *to, const struct table *from, size_t size)
{
	for (size_t i = 0; i < size / sizeof(uint64_t); i++)
		((uint64_t *)to)[i] = atomic_load_explicit((cell *)from + i, memory_order_relaxed);
}

static bool is_whole(const struct table *table, size_t size)
{
	const struct meter_reading *counted = &table->counted;

	return table->magic == METER_MAGIC && counted->route_count <= METER_ROUTES_MAX &&
	       size >= size_of_table(counted->route_count);
}

/* Copies what the file has; false: it is no table, or is being begun. */
static bool read_table(int folder, const char *name, struct table *out)
{
	struct stat file;
	bool whole = false;
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return false;
	size_t size = fstat(fd, &file) || file.st_size < 0 ? 0 : (size_t)file.st_size;
	if (size > sizeof(*out))
		size = sizeof(*out);
	if (size >= size_of_table(0) && S_ISREG(file.st_mode)) {
		void *table = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);

		if (table != MAP_FAILED) {
			copy_cells(out, table, size);
			munmap(table, size);
			whole = is_whole(out, size);
		}
	}
	close(fd);
	return whole;
}

static int no_dots(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int meter_read(const char *folder, meter_visit *visit, void *data, struct err *err)
{
	struct dirent **entry;
	struct table *table = memory_new(1, sizeof(*table));
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int count = fd < 0 ? -1 : scandirat(fd, ".", &entry, no_dots, alphasort);
	bool failed = count < 0;

	if (failed)
		err_errno(err, ERR_UNAVAILABLE, "%s cannot be read", folder);
	for (int i = 0; i < count; i++) {
		if (read_table(fd, entry[i]->d_name, table))
			visit(data, &table->counted);
		free(entry[i]);
	}
	if (!failed)
		free(entry);
	if (fd >= 0)
		close(fd);
	free(table);
	return failed;
}
