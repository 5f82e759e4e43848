/* What one user holds in MongoDB: the leases that live, oldest first. */
#include "dataset/mongodb/internal.h"

bson_t *leases_held_filter(const char *dataset, bson_t *users)
{
	bson_t *filter = BCON_NEW("dataset", BCON_UTF8(dataset), "leases", "{", "$exists", BCON_BOOL(true), "}",
	                          "leases.user", "{", "$in", BCON_ARRAY(users), "}");

	bson_destroy(users);
	return filter;
}

struct holding {
	struct record *record;
	struct lease *lease;
};

static int oldest_first(const void *a, const void *b)
{
	const struct holding *one = a, *other = b;

	if (one->lease->taken != other->lease->taken)
		return one->lease->taken < other->lease->taken ? -1 : 1;
	return record_by_position(one->record, other->record);
}

static void list_held(struct records *found, const char *user, int64_t now, struct task **out, size_t *count)
{
	struct holding *held = memory_new(found->count + 1, sizeof(*held));

	*count = 0;
	*out = memory_new(found->count + 1, sizeof(**out));
	for (size_t i = 0; i < found->count; i++) {
		struct lease *lease = record_lease(&found->item[i], user, NULL);

		if (lease && lease->expires > now)
			held[(*count)++] = (struct holding){.record = &found->item[i], .lease = lease};
	}
	if (*count > 1)
		qsort(held, *count, sizeof(*held), oldest_first);
	for (size_t i = 0; i < *count; i++) {
		struct task *task = &(*out)[i];

		snprintf(task->token, sizeof(task->token), "%s", held[i].lease->token);
		task->expires_at = held[i].lease->expires;
		sample_copy(&task->sample, &held[i].record->sample);
	}
	free(held);
}

int mongodb_held(struct dataset *base, const char *user, struct task **out, size_t *count, struct err *err)
{
	struct records found = {.count = 0};
	bson_t *users = BCON_NEW("0", BCON_UTF8(user));
	struct work work;
	int64_t now = 0;
	int failed = work_begin(&work, mongodb_dataset(base)->store, err) || work_now(&work, &now, err);

	if (failed)
		bson_destroy(users);
	else
		failed = work_find(&work, "images", leases_held_filter(base->name, users), opts_hint("holders", 0), records_visit,
		                   &found, err);
	work_end(&work);
	if (!failed)
		list_held(&found, user, now, out, count);
	records_release(&found);
	return failed;
}
