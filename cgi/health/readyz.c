/* GET /readyz: whether the server can serve: every dataset, both stores, and room on the disks. */
#include "base/json.h"
#include "health.h"

/* A store that is down is not asked for each of its datasets: that would take as long as it takes to give up. */
static void look_at_datasets(struct app *app, struct health_parts *parts)
{
	if (parts->stores.datasets.code != ERR_NONE)
		err_set(&parts->datasets, ERR_UNAVAILABLE, "no dataset can be served");
	else if (!health_look(app, &parts->looked))
		err_set(&parts->datasets, ERR_UNAVAILABLE, "it is not known yet whether the datasets can be served");
	else if (parts->looked.list.code != ERR_NONE)
		parts->datasets = parts->looked.list;
	else if (parts->looked.broken > 0)
		err_set(&parts->datasets, ERR_UNAVAILABLE, "%zu of %zu datasets cannot be served; the log says which",
		        parts->looked.broken, parts->looked.count);
}

void health_ask(struct app *app, struct health_parts *out)
{
	memset(out, 0, sizeof(*out));
	health_check(app, &out->stores);
	look_at_datasets(app, out);
	health_check_disks(app, &out->disk);
}

bool health_is_ready(const struct health_parts *parts)
{
	return parts->stores.datasets.code == ERR_NONE && parts->stores.images.code == ERR_NONE &&
	       parts->datasets.code == ERR_NONE && parts->disk.code == ERR_NONE;
}

/* Adds the part to the answer, and what is wrong with it to the sentence. */
static void readyz_add(cJSON *answer, struct buf *wrong, const char *name, const struct err *err)
{
	json_add_string(answer, name, health_word(err));
	if (err->code == ERR_NONE)
		return;
	if (wrong->len > 0)
		buf_str(wrong, "; ");
	buf_str(wrong, err->text);
}

int health_readyz(struct call *call, struct err *err)
{
	struct health_parts parts;
	struct err failure;
	struct buf wrong;
	cJSON *answer = json_new_object();

	(void)err;
	health_ask(call->app, &parts);
	buf_init(&wrong, 4 * ERR_TEXT_MAX);
	json_add_int64(answer, "datasets", (int64_t)parts.looked.count);
	json_add_int64(answer, "unavailable", (int64_t)parts.looked.broken);
	readyz_add(answer, &wrong, "dataset_store", &parts.stores.datasets);
	readyz_add(answer, &wrong, "image_store", &parts.stores.images);
	readyz_add(answer, &wrong, "every_dataset", &parts.datasets);
	readyz_add(answer, &wrong, "disk", &parts.disk);
	json_add_string(answer, "status", health_is_ready(&parts) ? "ready" : "unavailable");
	if (health_is_ready(&parts)) {
		reply_json(call->reply, 200, answer);
	} else {
		err_set(&failure, ERR_UNAVAILABLE, "%s", buf_text(&wrong));
		reply_error_with(call->reply, &failure, answer);
	}
	buf_release(&wrong);
	return 0;
}
