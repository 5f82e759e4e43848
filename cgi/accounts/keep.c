/* Keeps this machine's list of those who are let in up to date, beside the requests: users and tokens that expire
 * are removed, and changes that another machine makes in the shared store are compiled here, too. The times of the
 * last logins spread in the same way. */
#include <sys/stat.h>

#include "accounts.h"
#include "auth/users.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "dataset/accounts.h"

enum {
	USES_MAX = 1000,                    /* uses noted in one write */
	USES_EVERY_US = 1 * MICROSECONDS,   /* how often they are exchanged */
	USES_OVERLAP_US = 5 * MICROSECONDS, /* by which machines' clocks may differ, and notes may be late */
};

/* Used by the single thread that keeps. */
struct keeper {
	int64_t revision;          /* of what was last compiled; -1: nothing since this program started */
	int64_t compiled_us;       /* everything that expired before this was removed */
	struct stat grants;        /* the file as it was compiled: a command that does not know the store may also write it */
	int64_t told_us, heard_us; /* until when uses were noted in the store, and here */
	int64_t uses_us;           /* when to do that again, by clock_us */
	bool failing;              /* a failure is reported only once */
};

static void keep_failed(struct keeper *keeper, const struct err *err)
{
	if (!keeper->failing)
		log_write(LOG_ERROR, "users and tokens cannot be followed, until this is over", "error", err->text, NULL);
	keeper->failing = true;
}

/* --- who is let in ------------------------------------------------------------------------------------------------ */

static void stat_grants(const struct app *app, struct stat *out)
{
	char *path = memory_format("%s/.grants", app->config.json_user_dir);

	if (stat(path, out))
		*out = (struct stat){.st_ino = 0};
	free(path);
}

static bool is_as_compiled(const struct app *app, const struct keeper *keeper)
{
	struct stat now;

	stat_grants(app, &now);
	return now.st_ino == keeper->grants.st_ino && now.st_mtim.tv_sec == keeper->grants.st_mtim.tv_sec &&
	       now.st_mtim.tv_nsec == keeper->grants.st_mtim.tv_nsec;
}

static int keep_compiled(struct app *app, struct keeper *keeper, struct err *err)
{
	int64_t now = text_now(), next = auth_next_expiry(app->auth, keeper->compiled_us), revision = keeper->revision;
	bool is_shared = app->roster.place.store != NULL;

	if (is_shared && account_revision(app->store, &revision, err))
		return -1;
	/* What had expired may be valid again once the clock was set back. */
	if (revision == keeper->revision && (!is_shared || is_as_compiled(app, keeper)) && (next == 0 || next > now) &&
	    now >= keeper->compiled_us)
		return 0;
	if (users_compile(&app->roster.place, NULL, NULL, err))
		return -1;
	stat_grants(app, &keeper->grants);
	keeper->revision = revision;
	keeper->compiled_us = now;
	return 0;
}

/* --- when they were let in ---------------------------------------------------------------------------------------- */

struct telling {
	struct app *app;
	struct account_use *uses;
	size_t count;
	int64_t since;
};

static bool tell_use(struct telling *telling, const char *login)
{
	int64_t at = lastuse_get(telling->app->lastuse, login);

	if (at >= telling->since)
		telling->uses[telling->count++] = (struct account_use){.login = memory_text(login), .at = at};
	return telling->count < USES_MAX;
}

static bool tell_user(void *data, const struct user_file *user)
{
	return tell_use(data, user->user);
}

static bool tell_token(void *data, const struct token *token)
{
	return tell_use(data, token->id);
}

static int tell_uses(struct app *app, struct keeper *keeper, struct err *err)
{
	struct telling telling = {.app = app, .since = keeper->told_us};
	int64_t begun = text_now();

	telling.uses = memory_new(USES_MAX + 1, sizeof(*telling.uses));
	auth_users(app->auth, "", tell_user, &telling);
	if (telling.count < USES_MAX)
		auth_tokens(app->auth, "", tell_token, &telling);
	int failed = account_note_uses(app->store, telling.uses, telling.count, err);
	if (!failed)
		keeper->told_us = begun - USES_OVERLAP_US;
	for (size_t i = 0; i < telling.count; i++)
		free(telling.uses[i].login);
	free(telling.uses);
	return failed;
}

static void hear_use(void *data, const char *login, int64_t at)
{
	struct app *app = data;

	lastuse_note(app->lastuse, login, at);
}

static int keep_uses(struct app *app, struct keeper *keeper, struct err *err)
{
	int64_t begun = text_now();

	if (clock_us() < keeper->uses_us)
		return 0;
	keeper->uses_us = clock_us() + USES_EVERY_US;
	if (tell_uses(app, keeper, err) || account_uses(app->store, keeper->heard_us, hear_use, app, err))
		return -1;
	keeper->heard_us = begun - USES_OVERLAP_US;
	return 0;
}

void accounts_keep(struct app *app)
{
	static struct keeper keeper = {.revision = -1};
	struct err err;

	/* A store that is down is pinged, which ends sooner: a stop of the server waits for this. */
	if (keeper.failing && app->roster.place.store && dataset_store_ping(app->store, &err))
		return;
	if (keep_compiled(app, &keeper, &err) || (app->roster.place.store && keep_uses(app, &keeper, &err)))
		keep_failed(&keeper, &err);
	else
		keeper.failing = false;
}
