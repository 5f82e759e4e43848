/* Implements the bounded cache of open datasets. */
#include "dataset/handles.h"

/* Lives on the stack of the thread that opens. */
struct opening {
	const char *name;
	struct opening *next;
};

void handles_init(struct handles *handles, int64_t max, void (*free)(struct dataset *dataset))
{
	*handles = (struct handles){.max = max, .free = free};
	pthread_mutex_init(&handles->mutex, NULL);
	pthread_cond_init(&handles->opened, NULL);
}

static void free_list(struct handles *handles, struct dataset *list)
{
	while (list) {
		struct dataset *next = list->next;

		handles->free(list);
		list = next;
	}
}

void handles_release(struct handles *handles)
{
	free_list(handles, handles->first);
	pthread_cond_destroy(&handles->opened);
	pthread_mutex_destroy(&handles->mutex);
}

/* --- with the mutex held ------------------------------------------------------------------------------------------ */

static void take_out(struct handles *handles, struct dataset *dataset)
{
	struct dataset **at = &handles->first;

	if (dataset->stale)
		return;
	while (*at != dataset)
		at = &(*at)->next;
	*at = dataset->next;
	handles->count--;
	dataset->stale = true;
}

static struct dataset *least_recently_used(const struct handles *handles)
{
	struct dataset *oldest = NULL;

	for (struct dataset *dataset = handles->first; dataset; dataset = dataset->next) {
		if (dataset->users == 0 && (!oldest || dataset->last_use < oldest->last_use))
			oldest = dataset;
	}
	return oldest;
}

/* Adds a handle, with one user. Returns a list of the handles that it replaced, to be freed without the mutex. */
static struct dataset *put_in(struct handles *handles, struct dataset *dataset)
{
	struct dataset *evicted = NULL, *oldest;

	while (handles->count >= handles->max && (oldest = least_recently_used(handles))) {
		take_out(handles, oldest);
		oldest->next = evicted;
		evicted = oldest;
	}
	dataset->users = 1;
	dataset->handles = handles;
	dataset->next = handles->first;
	handles->first = dataset;
	handles->count++;
	return evicted;
}

static bool is_opening(const struct handles *handles, const char *name)
{
	for (const struct opening *at = handles->opening; at; at = at->next) {
		if (strcmp(at->name, name) == 0)
			return true;
	}
	return false;
}

static void end_opening(struct handles *handles, const struct opening *own)
{
	struct opening **at = &handles->opening;

	while (*at != own)
		at = &(*at)->next;
	*at = own->next;
	pthread_cond_broadcast(&handles->opened);
}

/* Takes a cached handle, with one more user; NULL: the caller must open it. */
static struct dataset *take_cached(struct handles *handles, const char *name)
{
	struct dataset *dataset;

	while (is_opening(handles, name))
		pthread_cond_wait(&handles->opened, &handles->mutex);
	for (dataset = handles->first; dataset && strcmp(dataset->name, name) != 0;)
		dataset = dataset->next;
	if (dataset)
		dataset->users++;
	return dataset;
}

/* Releases the mutex while it opens and frees. */
static int open_new(struct handles *handles, const char *name, handle_open *open, void *data, struct dataset **out,
                    struct err *err)
{
	struct opening own = {.name = name, .next = handles->opening};
	struct dataset *evicted = NULL;

	handles->opening = &own;
	pthread_mutex_unlock(&handles->mutex);
	int failed = open(data, name, out, err);
	pthread_mutex_lock(&handles->mutex);
	end_opening(handles, &own);
	if (!failed)
		evicted = put_in(handles, *out);
	pthread_mutex_unlock(&handles->mutex);
	free_list(handles, evicted);
	pthread_mutex_lock(&handles->mutex);
	return failed;
}

/* --- for the backends --------------------------------------------------------------------------------------------- */

int handles_get(struct handles *handles, const char *name, handle_open *open, void *data, struct dataset **out,
                struct err *err)
{
	pthread_mutex_lock(&handles->mutex);
	*out = take_cached(handles, name);
	bool is_new = !*out;
	int failed = is_new && open_new(handles, name, open, data, out, err);
	if (!failed)
		(*out)->last_use = ++handles->clock;
	if (!failed && is_new)
		(*out)->first_use = (*out)->last_use;
	pthread_mutex_unlock(&handles->mutex);
	return failed;
}

void handles_put(struct handles *handles, struct dataset *dataset)
{
	pthread_mutex_lock(&handles->mutex);
	bool last = --dataset->users == 0 && dataset->stale;
	pthread_mutex_unlock(&handles->mutex);
	if (last)
		handles->free(dataset);
}

void handles_pass(struct dataset *dataset)
{
	pthread_mutex_lock(&dataset->handles->mutex);
	if (dataset->last_use == dataset->first_use)
		dataset->last_use = 0;
	pthread_mutex_unlock(&dataset->handles->mutex);
}

void handles_drop(struct handles *handles, struct dataset *dataset)
{
	pthread_mutex_lock(&handles->mutex);
	take_out(handles, dataset);
	pthread_mutex_unlock(&handles->mutex);
}
