/* The tokens that users have made: each is a document beside the users' documents, which users_compile compiles
 * together.
 *
 * Each function locks the folder, and compiles at its end (auth/users.h). */
#ifndef AUTH_TOKENS_H
#define AUTH_TOKENS_H

#include "auth/token.h"
#include "auth/userdir.h"

enum { TOKENS_A_USER_MAX = 100, TOKENS_SECRET_MAX = 32 };

/* Makes a token with the user, name, scope, datasets and expiry of `wanted`, for an existing user (else
 * ERR_NOT_FOUND). Release *made, which gets all fields; secret, of 128 random bits, is not stored anywhere.
 * ERR_CONFLICT: the user has TOKENS_A_USER_MAX. ERR_BAD_REQUEST: the name is empty, too long or not printable, or
 * the time is past. ERR_UNPROCESSABLE: more than TOKEN_DATASETS_MAX datasets, or none. */
int tokens_add(const struct user_place *place, const struct token *wanted, struct token *made,
               char secret[TOKENS_SECRET_MAX], struct err *err);

/* Removes a token of this maker (NULL: of any). ERR_NOT_FOUND. Release *removed, which gets the token as it was. */
int tokens_remove(const struct user_place *place, const char *id, const char *user, struct token *removed,
                  struct err *err);

#endif
