/* The tokens that users have made: each a document beside the users', which users_compile compiles with them.
 *
 * Each function holds the folder, and compiles at its end (auth/users.h). */
#ifndef AUTH_TOKENS_H
#define AUTH_TOKENS_H

#include "auth/token.h"
#include "auth/userdir.h"

enum { TOKENS_A_USER_MAX = 100, TOKENS_SECRET_MAX = 32 };

/* Makes a token of what `wanted` says of user, name, scope, datasets and expiry, for a user that is there (else
 * ERR_NOT_FOUND). *made gets all of it, to be released; secret, of 128 random bits, is kept nowhere. ERR_CONFLICT: the
 * user has TOKENS_A_USER_MAX. ERR_BAD_REQUEST: a name that is empty, too long or not printable, or a time that is past.
 * ERR_UNPROCESSABLE: more than TOKEN_DATASETS_MAX datasets, or none. */
int tokens_add(const struct user_place *place, const struct token *wanted, struct token *made,
               char secret[TOKENS_SECRET_MAX], struct err *err);

/* Removes a token of that maker (NULL: of any). ERR_NOT_FOUND. *removed gets what it was, to be released. */
int tokens_remove(const struct user_place *place, const char *id, const char *user, struct token *removed,
                  struct err *err);

#endif
