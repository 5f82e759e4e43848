/* Fuzzes a user's file: it is refused, or what is written from it reads the same.
 *
 * Parses: lib/auth/userfile.c lib/auth/password.c lib/auth/role.c */
#include <stddef.h>
#include <stdint.h>

#include "auth/password.h"
#include "auth/userfile.h"
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* As a line of .grants is made and read. */
static void round_trip(const struct user_file *user)
{
	cJSON *tree = json_new_object();
	json_add_string(tree, "user", user->user);
	userfile_put_roles(tree, user);
	struct buf text;
	buf_init(&text, 8 * JSON_BODY_MAX);
	json_print(tree, &text);
	cJSON_Delete(tree);

	struct user_file again;
	if (text.len <= JSON_BODY_MAX) { /* escapes may make it longer than what is read */
		require(userfile_parse(buf_text(&text), text.len, &again, NULL) == 0);
		require(strcmp(again.user, user->user) == 0 && again.role == user->role);
		require(again.grant_count == user->grant_count);
		for (size_t i = 0; i < user->grant_count; i++) {
			const char *dataset = user->grants[i].dataset;
			require(userfile_role(&again, dataset) == userfile_role(user, dataset));
		}
		userfile_release(&again);
	}
	buf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct user_file user;
	struct err err;
	if (userfile_parse((const char *)data, size, &user, &err) != 0) {
		require(err.code != ERR_NONE && err.text[0] != '\0');
		return 0;
	}
	require(userfile_check_name(user.user, NULL) == 0);
	if (user.password_hash && password_check_hash(user.password_hash, NULL) == 0)
		require(strpbrk(user.password_hash, ":\n") == NULL);
	if (user.password) {
		char hash[PASSWORD_HASH_MAX];
		password_ssha(user.password, user.password_hash, hash);
		require(password_check_hash(hash, NULL) == 0);
	}
	round_trip(&user);
	userfile_grant(&user, "cats", ROLE_VIEWER);
	require(userfile_role(&user, "cats") == (user.role == ROLE_ADMIN ? ROLE_ADMIN : ROLE_VIEWER));
	userfile_grant(&user, NULL, ROLE_ADMIN);
	require(user.grant_count == 0);
	userfile_release(&user);
	return 0;
}
