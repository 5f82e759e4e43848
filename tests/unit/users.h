/* A folder of users' files for tests, compiled and queried. */
#ifndef UNIT_USERS_H
#define UNIT_USERS_H

#include <stdlib.h>

#include "auth/password.h"
#include "auth/users.h"
#include "base/text.h"
#include "tempdir.h"

static struct buf warnings;
static const struct user_place place = {.dir = tempdir};

static inline size_t compile_users(void)
{
	size_t count = SIZE_MAX;
	struct err err;
	buf_clear(&warnings);
	if (users_compile(&place, &count, &warnings, &err) != 0)
		fail_msg("%s", err.text);
	return count;
}

static inline void assert_warned(const char *text)
{
	if (!strstr(buf_text(&warnings), text))
		fail_msg("no \"%s\" in: %s", text, buf_text(&warnings));
}

/* The stored hash of a user; NULL if there is no such user. The caller frees it. */
static inline char *hash_of(const char *user)
{
	struct auth *auth;
	char hash[AUTH_HASH_MAX];
	assert_int_equal(auth_open_passwords(&auth, tempdir, NULL), 0);
	bool found = auth_hash(auth, user, hash);
	auth_free(auth);
	return found ? strdup(hash) : NULL;
}

static inline bool accepts(const char *user, const char *password)
{
	char *hash = hash_of(user);
	bool same = hash && password_matches(hash, password);
	free(hash);
	return same;
}

static inline enum role role_of(const char *user, const char *dataset)
{
	struct auth *auth;
	assert_int_equal(auth_open(&auth, tempdir, NULL), 0);
	enum role role = auth_role(auth, user, dataset);
	auth_free(auth);
	return role;
}

/* Whether the user exists, but is not for nginx to let in. */
static inline bool is_human(const char *user)
{
	char *text = temp_read(".htpasswd"), *hash = hash_of(user);
	size_t len = strlen(user);
	bool in_nginx = false;
	for (char *rest = text, *line; text && (line = strsep(&rest, "\n")) != NULL;)
		in_nginx = in_nginx || (strncmp(line, user, len) == 0 && line[len] == ':');
	bool there = hash != NULL;
	free(text);
	free(hash);
	return there && !in_nginx;
}

static inline int users_set_up(void **state)
{
	(void)state;
	buf_init(&warnings, 1 << 20);
	return 0;
}

static inline int users_tear_down(void **state)
{
	(void)state;
	buf_release(&warnings);
	return 0;
}

#endif
