/* Changing a dataset: its folder and its policy. */
#include "base/json.h"
#include "dataset/apart.h"
#include "fastcgi/document.h"
#include "datasets.h"

/* All files below base_dir that look like images are served to everybody who may see the dataset. So only a user who
 * may see everything on this server may choose it, among the configured folders. Others may repeat the present one,
 * which must still be the present one when it is written. */
static int change_base_dir(struct call *call, struct dataset_change *change, struct err *err)
{
	if (!change->base_dir)
		return 0;
	if (strcmp(change->base_dir, call->info.place.base_dir) == 0) {
		change->base_dir_was = change->base_dir;
		return 0;
	}
	if (call_role(call, NULL) != ROLE_ADMIN)
		return err_set(err, ERR_FORBIDDEN, "Another \"base_dir\" needs the role admin on every dataset");
	return dataset_check_folder(change->base_dir, err) ||
	       apart_check(call->app->store, &call->app->config, call->app->state_dir,
	                   dataset_name(call->dataset), change->base_dir, err);
}

static int change_settle(struct call *call, const struct dataset_change *change, struct err *err)
{
	return change->base_dir && !change->base_dir_was
	               ? apart_settle(call->app->store, &call->app->config, call->app->state_dir, err)
	               : 0;
}

/* The detail is the request, which names every change. */
static int dataset_change_audit(struct call *call, struct err *err)
{
	struct buf detail;

	if (!call->body->child)
		return 0;
	buf_init(&detail, REPLY_BODY_MAX);
	json_print(call->body, &detail);
	int failed = call_audit(call, "dataset.change", dataset_name(call->dataset), buf_text(&detail), err);
	buf_release(&detail);
	return failed;
}

int datasets_change(struct call *call, struct err *err)
{
	struct dataset_change change = {.fields = 0};
	const cJSON *policy = NULL;

	if (call_body(call, err) ||
	    json_string(call->body, "base_dir", false, &change.base_dir, err) ||
	    json_object(call->body, "policy", false, &policy, err) || call_place(call, err) ||
	    change_base_dir(call, &change, err) || document_policy_parse(policy, &change.policy, &change.fields, err) ||
	    dataset_update(call->dataset, &change, err) || change_settle(call, &change, err) ||
	    ((change.fields & DATASET_POLICY_PUBLIC) && datasets_publish(call, err)))
		return -1;
	return dataset_change_audit(call, err) || datasets_reply(call, 200, err);
}
