/* Removes what this machine keeps of samples that were removed through other machines, beside the requests. */
#include "samples.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "fastcgi/removal.h"

/* A removal may be seen this long after its time, since its write has to end first. */
enum { LATE_SECONDS = 60, TICKS = 1000 / APP_TICK_MS, SAVE_SECONDS = 60, NUMBER_BYTES = 32 };

/* A removal that was followed, by its sample. */
struct followed {
	char *dataset;
	int64_t id;
};

struct list {
	struct followed *item;
	size_t count;
};

/* Used by a single thread. */
static struct {
	int64_t looked_at, saved_at; /* by the store's clock; 0: not yet */
	int64_t from;                /* what was removed before this was followed by an earlier process */
	struct list list;            /* what was found then, in order */
} last;

static int by_sample(const void *a, const void *b)
{
	const struct followed *one = a, *other = b;

	return one->id != other->id ? (one->id > other->id) - (one->id < other->id) : strcmp(one->dataset, other->dataset);
}

static void list_clear(struct list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->item[i].dataset);
	free(list->item);
	*list = (struct list){.count = 0};
}

static void list_add(struct list *list, const char *dataset, int64_t id)
{
	list->item = memory_grow(list->item, list->count + 1, sizeof(*list->item));
	list->item[list->count++] = (struct followed){.dataset = memory_text(dataset), .id = id};
}

/* --- up to where this machine has followed, over restarts --------------------------------------------------------- */

static char *place_of_mark(const struct app *app)
{
	return memory_format("%s/removals", app->state_dir);
}

/* Those before a machine's first start are none of its business: then INT64_MAX. */
static int64_t read_mark(const struct app *app)
{
	char *path = place_of_mark(app);
	struct buf text;
	struct err ignored;
	int64_t at = INT64_MAX;

	buf_init(&text, NUMBER_BYTES);
	if (file_read(path, NUMBER_BYTES - 1, &text, &ignored) || text_int64(buf_text(&text), 1, INT64_MAX, &at))
		at = INT64_MAX;
	buf_release(&text);
	free(path);
	return at;
}

/* The number always has as many digits, so that it is replaced as a whole. */
static void save_mark(const struct app *app)
{
	char *path = place_of_mark(app), number[NUMBER_BYTES];
	int len = snprintf(number, sizeof(number), "%lld", (long long)last.looked_at);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || pwrite(fd, number, (size_t)len, 0) != len)
		log_write(LOG_WARN, "what was removed elsewhere cannot be noted", "file", path, NULL);
	if (fd >= 0)
		close(fd);
	last.saved_at = last.looked_at;
	free(path);
}

/* --- following ---------------------------------------------------------------------------------------------------- */

struct following {
	struct app *app;
	struct list found;
	bool any; /* that is new */
};

static int follow_in(struct app *app, struct dataset *dataset, const struct tombstone *tombstone, struct err *err)
{
	struct dataset_place place;

	if (dataset_place(dataset, &place, err))
		return -1;
	const struct images images = {
		.blobs = app->blobs, .dataset = dataset, .place = &place, .roots = &app->config.image_roots};
	int failed = removal_follow(&images, tombstone, app->state_dir, err);
	dataset_place_release(&place);
	return failed;
}

/* Each only once: a file that comes back later, such as from a backup, is no business of ours. */
static void follow_one(void *data, const char *name, const struct tombstone *tombstone)
{
	struct following *following = data;
	const struct followed wanted = {.dataset = (char *)(uintptr_t)name, .id = tombstone->id};
	struct dataset *dataset;
	struct err err;

	list_add(&following->found, name, tombstone->id);
	if (last.list.count > 0 && bsearch(&wanted, last.list.item, last.list.count, sizeof(wanted), by_sample))
		return;
	following->any = true;
	if (dataset_open(following->app->store, name, &dataset, &err))
		return;
	if (follow_in(following->app, dataset, tombstone, &err))
		log_write(LOG_WARN, "a removed image cannot be removed from this machine", "filepath", tombstone->filepath, "error",
		          err.text, NULL);
	dataset_close(dataset);
}

static void follow_all(struct app *app)
{
	struct following following = {.app = app};
	int64_t since = last.looked_at ? last.looked_at - LATE_SECONDS * MICROSECONDS : read_mark(app), now;
	struct err err;

	if (since < last.from)
		since = last.from;
	if (dataset_store_removed(app->store, since, follow_one, &following, &now, &err) || now == 0) {
		list_clear(&following.found);
		return;
	}
	if (following.found.count > 1)
		qsort(following.found.item, following.found.count, sizeof(*following.found.item), by_sample);
	list_clear(&last.list);
	last.list = following.found;
	if (!last.looked_at)
		last.from = since < now ? since : now;
	last.looked_at = now;
	if (following.any || now - last.saved_at >= SAVE_SECONDS * MICROSECONDS)
		save_mark(app);
}

void samples_follow(struct app *app)
{
	static int ticks;

	if (ticks++ % TICKS == 0)
		follow_all(app);
}
