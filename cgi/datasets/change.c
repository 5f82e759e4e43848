/* Changing a dataset: its folder and its policy. */
#include "base/json.h"
#include "dataset/document.h"
#include "datasets.h"

/* Whatever looks like an image below base_dir is served to those who may see the dataset, so only who may see everything on
 * this server chooses it. */
static int check_base_dir(struct call *call, const char *base_dir, struct err *err)
{
	if (!base_dir || strcmp(base_dir, call->info.base_dir) == 0 ||
	    auth_role(call->app->auth, call->request->user, NULL) == ROLE_ADMIN)
		return 0;
	return err_set(err, ERR_FORBIDDEN, "Another \"base_dir\" needs the role admin on every dataset");
}

int datasets_change(struct call *call, struct err *err)
{
	static const char *const keys[] = {"base_dir", "policy", NULL};
	const char *base_dir = NULL;
	const cJSON *policy = NULL;

	if (call_body(call, err) || json_only(call->body, "A change of a dataset", keys, err) ||
	    json_string(call->body, "base_dir", false, &base_dir, err) ||
	    json_object(call->body, "policy", false, &policy, err) || call_setup(call, err) ||
	    check_base_dir(call, base_dir, err))
		return -1;
	struct dataset_policy parsed = call->info.policy;
	if (parsed.lease_seconds == call->app->config.limits.lease_seconds)
		parsed.lease_seconds = 0; /* goes on following the configuration */
	dataset_info_release(&call->info);
	return document_policy_parse(policy, &parsed, err) ||
	                       dataset_update(call->dataset, base_dir, policy ? &parsed : NULL, err) ||
	                       (cJSON_HasObjectItem(policy, "public") && datasets_publish(call, parsed.public_images, err)) ||
	                       datasets_reply(call, 200, err)
	               ? -1
	               : 0;
}
