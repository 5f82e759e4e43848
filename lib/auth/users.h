/* The users' own files: one JSON file a user in json_user_dir, and what nginx and auth.h read compiled
 * from them.
 *
 * A file is A's {"user","password"}, to which ours adds "password_hash", "role", "datasets" (a list of
 * names, or an object name → role), "expires" (RFC 3339). A file without a role may label every dataset
 * (annotator). A broken file is named in a warning and the others hold. Not for request threads: callers
 * are commands and the accounts program; a lock file serialises them across processes. */
#ifndef AUTH_USERS_H
#define AUTH_USERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/auth.h"
#include "base/buf.h"
#include "base/err.h"

/* Writes, by rename and mode 0600: .htpasswd (nginx: name:{SSHA}… of each user with a generated key) and .grants
 * (JSON for auth.h, with the hash of each user's password). What a person chose is checked by the program gate
 * alone, which counts failures: a file's plain password, too, unless it looks like a generated key. Plain passwords
 * are hashed as {SSHA}, and the same salt is kept while the password stays, so that recompiling changes nothing.
 * *count gets the number of users. Warnings go to `warn` (a line each), which may be NULL. */
int users_compile(const char *json_user_dir, size_t *count, struct buf *warn, struct err *err);

struct user_grant {
	const char *dataset;
	enum role role;
};

/* Adds a user with a generated key of 128 random bits, written to key_out, or with `password` (a person's
 * own: at least 8 bytes, sha512crypt). grants NULL/0: the role holds on every dataset. ERR_CONFLICT when
 * the name is taken. Each of these compiles at its end. */
enum { USERS_KEY_MAX = 32, USERS_PASSWORD_MIN = 8, USERS_PASSWORD_MAX = 256 };
int users_add(const char *json_user_dir, const char *name, enum role role, const struct user_grant *grants,
              size_t grant_count, const char *password, int64_t expires_us, char key_out[USERS_KEY_MAX],
              struct err *err);
/* A new key (key_out), or `password`. ERR_NOT_FOUND for an unknown user. */
int users_passwd(const char *json_user_dir, const char *name, const char *password,
                 char key_out[USERS_KEY_MAX], struct err *err);
int users_remove(const char *json_user_dir, const char *name, struct err *err);
/* Sets the overall role (dataset NULL) or the role on one dataset (ROLE_NONE takes it away). */
int users_grant(const char *json_user_dir, const char *name, const char *dataset, enum role role,
                struct err *err);

/* One line a user for people: name, role, datasets, key or password, expiry; or JSON. */
int users_list(const char *json_user_dir, bool as_json, struct buf *out, struct err *err);

#endif
