/* GET /v1/me: the user who asks, and what that user may do; and the user's own password. */
#include "accounts.h"
#include "auth/users.h"
#include "base/json.h"

static void add_grant(void *data, const char *dataset, enum role role)
{
	json_add_string(data, dataset, role_name(role));
}

int accounts_me(struct call *call, struct err *err)
{
	cJSON *answer = json_new_object(), *datasets = json_new_object();
	bool all;

	(void)err;
	auth_grants(call->app->auth, call->login, &all, add_grant, datasets);
	json_add_string(answer, "user", call->request->user);
	json_add_string(answer, "role", role_name(call_role(call, NULL)));
	json_add(answer, "datasets", datasets); /* those granted one by one, beside the role on all */
	if (call->is_token) {
		json_add_string(answer, "token", call->login);
		json_add_string(answer, "scope", call->is_read_only ? "read" : "write");
	}
	reply_json(call->reply, 200, answer);
	return 0;
}

int accounts_password(struct call *call, struct err *err)
{
	const char *user = call->request->user, *password;

	if (call_body(call, err) || json_string(call->body, "password", true, &password, err) ||
	    users_passwd(&call->app->roster.place, user, password, NULL, err))
		return -1;
	reply_empty(call->reply, 204);
	return call_audit(call, "password.change", user, "", err);
}
