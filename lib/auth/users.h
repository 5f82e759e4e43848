/* The users' documents: one JSON file a user in json_user_dir, or one in a store, and what is compiled from them for
 * nginx and auth.h.
 *
 * A document is A's {"user","password"}, to which ours adds "password_hash", "role", "datasets" (a list of names, or
 * an object name → role), "expires" (RFC 3339). A user whose document has no role may label every dataset
 * (annotator). A warning names each broken one, and the others hold. Not for request threads: callers are commands
 * and the accounts program; a lock file serialises them across processes. */
#ifndef AUTH_USERS_H
#define AUTH_USERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/auth.h"
#include "auth/userdir.h"
#include "base/buf.h"
#include "base/err.h"

/* Writes, by rename and with mode 0600: .htpasswd (for nginx: name:{SSHA}… of each user with a generated key) and
 * .grants (JSON for auth.h, with the hash of each user's password). Passwords that people chose are checked only by
 * the program gate, which counts failures; so is a file's plain password, unless it looks like a generated key.
 * Plain passwords are hashed as {SSHA}, with the same salt as long as the password stays, so that recompiling
 * changes nothing. *count gets the number of users. Warnings go to `warn` (a line each), which may be NULL. */
int users_compile(const struct user_place *place, size_t *count, struct buf *warn, struct err *err);

struct user_grant {
	const char *dataset;
	enum role role;
};

/* Adds a user with a generated key of 128 random bits, written to key_out, or with `password` (a person's own: at
 * least 8 characters, sha512crypt). grants NULL/0: the role holds on every dataset. ERR_CONFLICT: the name is taken.
 * This function and those below compile at their end. */
enum {
	USERS_KEY_MAX = 32,
	USERS_PASSWORD_MIN = 8,   /* characters */
	USERS_PASSWORD_MAX = 256, /* bytes */
	USERS_GRANTS_MAX = 1000,  /* single datasets that a request may name */
};
int users_add(const struct user_place *place, const char *name, enum role role, const struct user_grant *grants,
              size_t grant_count, const char *password, int64_t expires_us, char key_out[USERS_KEY_MAX],
              struct err *err);
/* Whether there is no user at all, not even a broken or expired one. */
int users_none(const struct user_place *place, bool *none, struct err *err);
/* Makes the first user, USERS_FIRST, an overall admin, if there is none. */
#define USERS_FIRST "admin"
int users_add_first(const struct user_place *place, bool *made, char key_out[USERS_KEY_MAX], struct err *err);
/* Copies the folder's files into the store of `place` (auth/userdir.h): users that the store does not know, and
 * known ones whose file on this machine has changed since it was copied. Otherwise the store wins, even for a user
 * that was removed there. Passwords are hashed on the way. Users' files stay, tokens' files are moved. The folder's
 * .taken notes what was copied from which file. Compiles nothing. */
int users_take_in(const struct user_place *place, struct buf *warn, struct err *err);
/* Sets a new key (key_out), or `password`. ERR_NOT_FOUND for an unknown user. */
int users_passwd(const struct user_place *place, const char *name, const char *password,
                 char key_out[USERS_KEY_MAX], struct err *err);
/* Removes a user, and the tokens that the user has made. keep_admin: ERR_CONFLICT for the last overall admin. */
int users_remove(const struct user_place *place, const char *name, bool keep_admin, struct err *err);
/* Changes what it lists, and leaves the rest as it is. ERR_NOT_FOUND for an unknown user; ERR_CONFLICT where no overall
 * admin would be left, or none that lasts. */
struct user_change {
	bool of_roles;                   /* as users_add sets them: */
	enum role role;                  /* on every dataset, unless there are grants */
	const struct user_grant *grants; /* NULL: none */
	size_t grant_count;
	bool of_expiry;
	int64_t expires_us; /* 0: never */
};
int users_change(const struct user_place *place, const char *name, const struct user_change *change, struct err *err);
/* Sets the overall role (dataset NULL) or the role on one dataset (ROLE_NONE removes it). */
int users_grant(const struct user_place *place, const char *name, const char *dataset, enum role role,
                struct err *err);

/* Appends one line a user for people: name, role, datasets, key or password, expiry; or JSON. */
int users_list(const struct user_place *place, bool as_json, struct buf *out, struct err *err);

#endif
