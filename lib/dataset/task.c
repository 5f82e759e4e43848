/* Checks the form of every argument, then asks the dataset's backend for leases and changes of samples. */
#include "dataset/task.h"

#include "base/memory.h"
#include "base/text.h"
#include "dataset/backend.h"
#include "dataset/spelling.h"

/* A malformed token belongs to nobody. */
static int task_check_token(const char *token, struct err *err)
{
	return strlen(token) < DATASET_TOKEN_MAX ? 0 : err_set(err, ERR_CONFLICT, "The task is not yours");
}

int lease_next(struct dataset *dataset, const char *user, struct task *out, struct err *err)
{
	memset(out, 0, sizeof(*out));
	return dataset->backend->next(dataset, user, out, err);
}

int lease_take(struct dataset *dataset, const char *user, size_t count, struct task *out, size_t *taken,
               struct err *err)
{
	if (count < 1 || count > DATASET_TASKS_MAX)
		return err_set(err, ERR_BAD_REQUEST, "\"count\" must be from 1 to %d", DATASET_TASKS_MAX);
	return dataset->backend->lease(dataset, user, count, out, taken, err);
}

int lease_take_chosen(struct dataset *dataset, const char *user, const int64_t *ids, size_t count, struct task *out,
                      size_t *taken, struct err *err)
{
	if (count < 1 || count > DATASET_TASKS_MAX)
		return err_set(err, ERR_BAD_REQUEST, "\"ids\" must name from 1 to %d samples", DATASET_TASKS_MAX);
	return dataset->backend->lease_chosen(dataset, user, ids, count, out, taken, err);
}

int lease_held(struct dataset *dataset, const char *user, struct task **out, size_t *count, struct err *err)
{
	return dataset->backend->held(dataset, user, out, count, err);
}

/* Changes a sample by a lease, whose token names it. */
static int change_task(struct dataset *dataset, struct sample_change *change, struct err *err)
{
	if (task_check_token(change->token, err))
		return -1;
	change->id = task_token_sample(change->token);
	return dataset->backend->change(dataset, change, 1, err);
}

int lease_renew(struct dataset *dataset, const char *user, const char *token, int64_t *expires_at, struct err *err)
{
	struct sample_change change = {.act = SAMPLE_RENEW, .user = user, .token = token};

	if (change_task(dataset, &change, err))
		return -1;
	*expires_at = change.expires_at;
	return 0;
}

int lease_give_back(struct dataset *dataset, const char *user, const char *token, struct err *err)
{
	struct sample_change change = {.act = SAMPLE_RELEASE, .user = user, .token = token};

	return change_task(dataset, &change, err);
}

int lease_skip(struct dataset *dataset, const char *user, const char *token, enum dataset_skip skip, struct err *err)
{
	struct sample_change change = {.act = SAMPLE_SKIP, .user = user, .token = token, .skip = skip};

	return change_task(dataset, &change, err);
}

int lease_label(struct dataset *dataset, const char *user, const char *token, const char *label,
                int64_t lead_time_ms, struct sample *out, struct err *err)
{
	return lease_label_once(dataset, user, token, label, lead_time_ms, "", out, err);
}

/* For a label that the dataset lacks: looks for its present name. Only then, since most are given as shown. */
static bool means_another(struct dataset *dataset, const char *label, char **meant)
{
	struct err ignored;

	return spelling_meant(dataset, label, meant, &ignored) == 0 && *meant;
}

int lease_label_once(struct dataset *dataset, const char *user, const char *token, const char *label,
                     int64_t lead_time_ms, const char *request, struct sample *out, struct err *err)
{
	struct sample_change change = {.act = SAMPLE_LABEL,
	                               .user = user,
	                               .token = token,
	                               .label = label,
	                               .request = usable_request(request),
	                               .lead_time_ms = lead_time_ms,
	                               .out = out};
	char *meant = NULL;

	if (out)
		memset(out, 0, sizeof(*out));
	if (task_check_token(token, err) || text_check_label(label, err))
		return -1;
	int failed = change_task(dataset, &change, err);
	if (failed && err->code == ERR_UNPROCESSABLE && means_another(dataset, label, &meant)) {
		change.label = meant;
		failed = change_task(dataset, &change, err);
	}
	free(meant);
	return failed;
}

int dataset_label_path(struct dataset *dataset, const char *user, const char *base_dir, const char *filepath,
                       const char *label, bool *accepted, struct err *err)
{
	return dataset_label_path_once(dataset, user, base_dir, filepath, label, "", accepted, err);
}

int dataset_label_path_once(struct dataset *dataset, const char *user, const char *base_dir, const char *filepath,
                            const char *label, const char *request, bool *accepted, struct err *err)
{
	struct sample_change change = {.act = SAMPLE_CLASSIFY,
	                               .filepath = filepath,
	                               .base_dir = base_dir,
	                               .user = user,
	                               .label = label,
	                               .request = usable_request(request),
	                               .lead_time_ms = -1};
	char *meant = NULL;
	int failed = dataset->backend->change(dataset, &change, 1, err);

	if (!failed && !change.accepted && means_another(dataset, label, &meant)) {
		change.label = meant;
		failed = dataset->backend->change(dataset, &change, 1, err);
	}
	free(meant);
	*accepted = !failed && change.accepted;
	return failed;
}

static int change_all(struct dataset *dataset, enum sample_act act, const int64_t *ids, size_t count, struct err *err)
{
	struct sample_change *changes = memory_new(count + 1, sizeof(*changes));

	for (size_t i = 0; i < count; i++)
		changes[i] = (struct sample_change){.act = act, .id = ids[i]};
	int failed = count > 0 ? dataset->backend->change(dataset, changes, count, err) : 0;
	free(changes);
	return failed;
}

int dataset_mark_unreadable(struct dataset *dataset, int64_t id, struct err *err)
{
	return change_all(dataset, SAMPLE_MARK_UNREADABLE, &id, 1, err);
}

int dataset_mark_all_unreadable(struct dataset *dataset, const int64_t *ids, size_t count, struct err *err)
{
	return change_all(dataset, SAMPLE_MARK_UNREADABLE, ids, count, err);
}

int dataset_mark_readable(struct dataset *dataset, const int64_t *ids, size_t count, struct err *err)
{
	return change_all(dataset, SAMPLE_MARK_READABLE, ids, count, err);
}

int dataset_retry_unreadable(struct dataset *dataset, int64_t *count, struct err *err)
{
	return dataset->backend->retry_unreadable(dataset, count, err);
}
