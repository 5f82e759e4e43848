/* What the handlers of accounts share. */
#include "accounts.h"
#include "base/json.h"
#include "base/text.h"

cJSON *accounts_grants(const struct user_file *user)
{
	cJSON *datasets = json_new_object();

	for (size_t i = 0; i < user->grant_count; i++)
		json_add_string(datasets, user->grants[i].dataset, role_name(user->grants[i].role));
	return datasets;
}

void accounts_add_times(cJSON *item, int64_t expires_us, struct call *call, const char *login)
{
	json_add_time(item, "expires_at", expires_us);
	json_add_time(item, "last_used_at", lastuse_get(call->app->lastuse, login));
}

int accounts_expiry(const struct call *call, int64_t *expires_us, struct err *err)
{
	const char *text = NULL;

	*expires_us = 0;
	if (json_string(call->body, "expires_at", false, &text, err))
		return -1;
	if (text && text_time_parse(text, expires_us))
		return err_set(err, ERR_BAD_REQUEST, "\"expires_at\" must be a time such as 2030-01-31T12:00:00Z (RFC 3339)");
	if (text && *expires_us <= text_now())
		return err_set(err, ERR_BAD_REQUEST, "\"expires_at\" is past");
	return 0;
}

int accounts_audit_body(struct call *call, const char *action, const char *target, struct err *err)
{
	struct buf detail;

	buf_init(&detail, REPLY_BODY_MAX);
	json_print(call->body, &detail);
	int failed = call_audit(call, action, target, buf_text(&detail), err);
	buf_release(&detail);
	return failed;
}
