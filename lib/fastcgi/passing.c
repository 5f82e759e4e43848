/* Leases the next samples whose images can be read. */
#include "fastcgi/passing.h"

#include "fastcgi/recovery.h"

/* How many of the following samples are looked at together with one whose file is missing; it doubles with every
 * further one. Where a whole disk is missing, a write for each sample would take minutes. */
enum { AHEAD_MIN = 16, AHEAD_MAX = 1000 }; /* the most that dataset_samples returns */

struct missing {
	int64_t ids[DATASET_TASKS_MAX + AHEAD_MAX];
	size_t count;
};

struct passing passing_begin(struct call *call)
{
	return (struct passing){
		.call = call, .images = call_images(call), .user = call->request->user, .recovery = call->app->recovery};
}

static bool is_missing(const struct images *images, const struct sample *sample)
{
	struct located file;
	struct err why;

	return sample->state == SAMPLE_UNLABELLED && images_locate(images, sample, &file, &why) && why.code == ERR_NOT_FOUND;
}

static int passing_mark(struct passing *passing, const int64_t *ids, size_t count, struct err *err)
{
	passing->passed += count;
	recovery_expect(passing->recovery, dataset_name(passing->images.dataset));
	return dataset_mark_all_unreadable(passing->images.dataset, ids, count, err);
}

static int too_many(struct passing *passing, struct err *err)
{
	return err_set(err, ERR_UNAVAILABLE,
	               "%zu images that cannot be read were passed over, and there may be more: ask again to go on",
	               passing->passed);
}

/* Marks the samples in missing->ids, and those of the ones after the last of them that are missing, too. */
static int pass_over(struct passing *passing, struct missing *missing, struct err *err)
{
	struct sample *following;
	size_t count;

	if (missing->count == 0)
		return 0;
	passing->ahead = passing->ahead == 0 ? AHEAD_MIN : passing->ahead * 2 < AHEAD_MAX ? passing->ahead * 2 : AHEAD_MAX;
	if (dataset_samples(passing->images.dataset, NULL, missing->ids[missing->count - 1], passing->ahead, &following,
	                    &count, err))
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (is_missing(&passing->images, &following[i]))
			missing->ids[missing->count++] = following[i].id;
		sample_release(&following[i]);
	}
	free(following);
	int failed = passing_mark(passing, missing->ids, missing->count, err);
	missing->count = 0;
	return failed;
}

/* A known answer keeps its label: it only is not offered to this user again. Takes the task. */
static int pass_gold(struct passing *passing, struct task *task, struct err *err)
{
	int failed = lease_skip(passing->images.dataset, passing->user, task->token, DATASET_SKIP_REQUEUE_FOR_OTHERS, err);

	passing->passed++;
	task_release(task);
	return failed && err->code != ERR_CONFLICT;
}

/* Whether some samples that were passed over earlier are back; looked at once in a request that finds nothing else. */
static bool recovers(struct passing *passing)
{
	bool any = !passing->recovered && recovery_look(passing->recovery, &passing->images);

	passing->recovered = true;
	return any;
}

int passing_next(struct passing *passing, struct task *task, struct located *file, struct err *err)
{
	struct missing missing = {.count = 0};

	while (passing->passed < PASSING_MAX) {
		if (lease_next(passing->images.dataset, passing->user, task, err)) {
			if (err->code == ERR_NOT_FOUND && recovers(passing))
				continue;
			return -1;
		}
		if (images_locate(&passing->images, &task->sample, file, err) == 0)
			return 0;
		if (task->sample.gold) {
			if (err->code != ERR_NOT_FOUND || pass_gold(passing, task, err))
				return -1;
			continue;
		}
		missing.ids[missing.count++] = task->sample.id;
		task_release(task);
		if (err->code != ERR_NOT_FOUND || pass_over(passing, &missing, err))
			return -1;
	}
	return too_many(passing, err);
}

int passing_over(struct passing *passing, const struct sample *sample, struct err *err)
{
	if (err->code != ERR_NOT_FOUND || passing_mark(passing, &sample->id, 1, err))
		return -1;
	return ++passing->fetched < PASSING_FETCHED_MAX ? 0 : too_many(passing, err);
}

/* Gives back leases that the client will not get. */
static void give_back_leases(const struct passing *passing, struct task *tasks, size_t count)
{
	struct err ignored; /* a lease that is not given back expires later */

	for (size_t i = 0; i < count; i++) {
		lease_give_back(passing->images.dataset, passing->user, tasks[i].token, &ignored);
		task_release(&tasks[i]);
	}
}

/* Keeps, in order, the tasks of tasks[0..*count) that can be read. */
static int drop_unreadable(struct passing *passing, struct task *tasks, size_t *count, struct err *err)
{
	struct missing missing = {.count = 0};
	size_t kept = 0;

	for (size_t i = 0; i < *count; i++) {
		struct task task = tasks[i];
		struct located file;
		bool readable = images_locate(&passing->images, &task.sample, &file, err) == 0;

		if (!readable && err->code == ERR_NOT_FOUND) {
			if (task.sample.gold) {
				if (pass_gold(passing, &task, err)) {
					*count = kept;
					return -1;
				}
			} else if (task.sample.state == SAMPLE_UNLABELLED) {
				missing.ids[missing.count++] = task.sample.id; /* its leases end with that */
				task_release(&task);
			} else {
				give_back_leases(passing, &task, 1);
			}
			continue;
		}
		tasks[kept++] = task;
		if (readable)
			continue;
		memmove(tasks + kept, tasks + i + 1, (*count - i - 1) * sizeof(*tasks));
		*count = kept + *count - i - 1;
		return -1;
	}
	*count = kept;
	return pass_over(passing, &missing, err);
}

static int lease(struct passing *passing, size_t count, struct task *out, size_t *taken, struct err *err)
{
	while (*taken < count) {
		size_t got;

		if (passing->passed >= PASSING_MAX)
			return *taken > 0 ? 0 : too_many(passing, err);
		if (lease_take(passing->images.dataset, passing->user, count - *taken, out + *taken, &got, err))
			return -1;
		/* Asked only now: while the leases were written, another request has read it, too. */
		if (call_place(passing->call, err)) {
			*taken += got;
			return -1;
		}
		if (got == 0 && *taken == 0 && recovers(passing))
			continue;
		if (got == 0)
			return 0;
		int failed = drop_unreadable(passing, out + *taken, &got, err);
		*taken += got;
		if (failed)
			return -1;
	}
	return 0;
}

int passing_lease(struct passing *passing, size_t count, struct task *out, size_t *taken, struct err *err)
{
	*taken = 0;
	if (lease(passing, count, out, taken, err) == 0)
		return 0;
	give_back_leases(passing, out, *taken);
	*taken = 0;
	return -1;
}

int passing_lease_chosen(struct passing *passing, const int64_t *ids, size_t count, struct task *out, size_t *taken,
                         struct err *err)
{
	*taken = 0;
	if (lease_take_chosen(passing->images.dataset, passing->user, ids, count, out, taken, err))
		return -1;
	if (call_place(passing->call, err) == 0 && drop_unreadable(passing, out, taken, err) == 0)
		return 0;
	give_back_leases(passing, out, *taken);
	*taken = 0;
	return -1;
}
