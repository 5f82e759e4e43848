/* Removes users and tokens that have expired from nginx's file, beside the requests. */
#include "accounts.h"
#include "auth/users.h"
#include "base/log.h"
#include "base/text.h"

void accounts_keep(struct app *app)
{
	static int64_t compiled_us; /* everything that expired before this was removed; used by a single thread */
	const struct user_place place = accounts_place(app);
	int64_t now = text_now(), next = auth_next_expiry(app->auth, compiled_us);
	struct err err;

	if (next == 0 || next > now)
		return;
	if (users_compile(&place, NULL, NULL, &err))
		log_write(LOG_ERROR, "the users cannot be compiled", "error", err.text, NULL);
	else
		compiled_us = now;
}
