/* GET /v1/me: who is asking, and what they may do. */
#include "accounts.h"
#include "base/json.h"

static void add_grant(void *data, const char *dataset, enum role role)
{
	json_add_string(data, dataset, role_name(role));
}

int accounts_me(struct call *call, struct err *err)
{
	const char *user = call->request->user;
	cJSON *answer = json_new_object(), *datasets = json_new_object();
	bool all;

	(void)err;
	auth_grants(call->app->auth, user, &all, add_grant, datasets);
	json_add_string(answer, "user", user);
	json_add_string(answer, "role", role_name(auth_role(call->app->auth, user, NULL)));
	json_add(answer, "datasets", datasets); /* those granted one by one, beside the role on all */
	reply_json(call->reply, 200, answer);
	return 0;
}
