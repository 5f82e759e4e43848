/* `admin first`: makes the first user if there is none. */
#include "admin.h"
#include "auth/users.h"

int admin_first(int argc, char **argv, config_env *env)
{
	struct config config;
	int status = admin_load_config(argc, argv, env, &config);
	if (status != ADMIN_DONE)
		return status;
	const struct user_place place = {.dir = config.json_user_dir};
	char key[USERS_KEY_MAX];
	bool made = false;
	struct err err;
	if (users_add_first(&place, &made, key, &err) != 0) {
		fprintf(stderr, "the first user cannot be made: %s\n", err.text);
		status = ADMIN_FAILED;
	} else if (made) {
		printf("There was no user, so " USERS_FIRST " was added, who may do everything; the key, which is shown only now:\n"
		       "%s\n",
		       key);
	}
	explicit_bzero(key, sizeof(key));
	config_release(&config);
	return status == ADMIN_DONE && fflush(stdout) != 0 ? ADMIN_FAILED : status;
}
