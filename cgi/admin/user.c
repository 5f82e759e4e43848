/* `admin user`: adds, changes, removes and lists users. */
#include <getopt.h>

#include "admin.h"
#include "auth/users.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/json.h"
#include "dataset/dataset.h"
#include "deed.h"
#include "fastcgi/roster.h"
#include "secret.h"

#define PROGRAM "image-label-user"

enum { DATASETS_MAX = 1000, LIST_MAX = 64 * 1024 * 1024 };

/* The options; each verb accepts some of them. */
enum { CONFIG = 1, ROLE = 2, DATASETS = 4, PASSWORD = 8, EXPIRES = 16, JSON = 32, DATASET = 64 };

static const struct option option_names[] = {
	{"config", required_argument, NULL, CONFIG},     {"role", required_argument, NULL, ROLE},
	{"datasets", required_argument, NULL, DATASETS}, {"dataset", required_argument, NULL, DATASET},
	{"password", no_argument, NULL, PASSWORD},       {"expires", required_argument, NULL, EXPIRES},
	{"json", no_argument, NULL, JSON},               {0},
};

struct request {
	const char *config_path;
	int given; /* the options that were given, except --config */
	const char *role_text, *expires_text;
	char *datasets_text;      /* a list with commas; cut up when it is read */
	const char *dataset_text; /* one name, which may contain a comma */
	int argument_count;       /* after the verb */
	char **arguments;
	struct config config;
	struct dataset_store *store;
	struct roster roster;

	enum role role;
	struct user_grant grants[DATASETS_MAX];
	size_t grant_count;
	int64_t expires_us;
	char password[USERS_PASSWORD_MAX + 1];
};

/* For the audit log, as the API's requests have it. */
static cJSON *roles_detail(const struct request *request)
{
	cJSON *detail = json_new_object(), *datasets = json_new_array();

	json_add_string(detail, "role", role_name(request->role));
	for (size_t i = 0; i < request->grant_count; i++)
		json_append_string(datasets, request->grants[i].dataset);
	if (request->grant_count > 0)
		json_add(detail, "datasets", datasets);
	else
		cJSON_Delete(datasets);
	if (request->expires_us)
		json_add_time(detail, "expires_at", request->expires_us);
	return detail;
}

static const char *own_password(const struct request *request)
{
	return request->given & PASSWORD ? request->password : NULL;
}

static void print_key(const struct request *request, const char *name, char *key)
{
	if (!(request->given & PASSWORD))
		printf("The key of %s, which is shown only now:\n%s\n", name, key);
	else
		printf("%s can log in with the password given.\n", name);
	explicit_bzero(key, USERS_KEY_MAX);
}

static int user_add(struct request *request, struct err *err)
{
	char key[USERS_KEY_MAX];
	const char *name = request->arguments[0];
	const struct user_grant *grants = request->grant_count > 0 ? request->grants : NULL;
	if (admin_make_folder(request->roster.place.dir, 0700, err) ||
	    users_add(&request->roster.place, name, request->role, grants, request->grant_count,
	              own_password(request), request->expires_us, key, err))
		return -1;
	print_key(request, name, key);
	return 0;
}

static int user_passwd(struct request *request, struct err *err)
{
	char key[USERS_KEY_MAX];
	const char *name = request->arguments[0];
	if (users_passwd(&request->roster.place, name, own_password(request), key, err) != 0)
		return -1;
	print_key(request, name, key);
	return 0;
}

static int user_remove(struct request *request, struct err *err)
{
	const char *name = request->arguments[0];
	if (users_remove(&request->roster.place, name, false, err) != 0)
		return -1;
	printf("%s is removed, and can no longer log in.\n", name);
	return 0;
}

static void print_role(const struct request *request, const char *dataset)
{
	const char *name = request->arguments[0];
	if (request->role == ROLE_NONE)
		printf("%s has no role %s%s any more.\n", name, dataset ? "on " : "on any dataset", dataset ? dataset : "");
	else
		printf("%s is now %s on %s.\n", name, role_name(request->role), dataset ? dataset : "every dataset");
}

static int user_grant(struct request *request, struct err *err)
{
	const char *name = request->arguments[0];
	if (request->grant_count == 0) {
		if (users_grant(&request->roster.place, name, NULL, request->role, err) != 0)
			return -1;
		print_role(request, NULL);
	}
	for (size_t i = 0; i < request->grant_count; i++) {
		if (users_grant(&request->roster.place, name, request->grants[i].dataset, request->role, err) != 0)
			return -1;
		print_role(request, request->grants[i].dataset);
	}
	return 0;
}

static int user_list(struct request *request, struct err *err)
{
	struct buf text;
	buf_init(&text, LIST_MAX);
	int result = users_list(&request->roster.place, (request->given & JSON) != 0, &text, err);
	if (result == 0)
		fputs(buf_text(&text), stdout);
	buf_release(&text);
	return result;
}

static const struct verb {
	const char *name, *usage, *deed;
	int (*run)(struct request *request, struct err *err);
	int arguments_min, arguments_max;
	int options;
} verbs[] = {
	{"add", "NAME [--role ROLE] [--datasets A,B] [--password] [--expires TIME]", "user.add", user_add, 1, 1,
         ROLE | DATASETS | DATASET | PASSWORD | EXPIRES},
	{"passwd", "NAME [--password]", "password.change", user_passwd, 1, 1, PASSWORD},
	{"remove", "NAME", "user.remove", user_remove, 1, 1, 0},
	{"grant", "NAME ROLE [--dataset A]", "user.change", user_grant, 1, 2, ROLE | DATASETS | DATASET},
	{"list", "[--json]", NULL, user_list, 0, 0, JSON},
};
enum { VERBS = sizeof(verbs) / sizeof(verbs[0]) };

static int parse_options(struct request *request, int argc, char **argv, struct err *err)
{
	optind = 0;
	opterr = 0;
	for (int option; (option = getopt_long(argc, argv, "", option_names, NULL)) != -1;) {
		const char *word = argv[optind - 1];
		if (option == '?' && strncmp(word, "--password", 10) == 0)
			return err_set(err, ERR_BAD_REQUEST,
			               "--password takes no value: it is asked for, or read from stdin");
		if (option == '?')
			return err_set(err, ERR_BAD_REQUEST, "unknown option or missing value: %s", word);
		switch (option) {
		case CONFIG: request->config_path = optarg; continue;
		case ROLE: request->role_text = optarg; break;
		case DATASETS: request->datasets_text = optarg; break;
		case DATASET: request->dataset_text = optarg; break;
		case EXPIRES: request->expires_text = optarg; break;
		}
		request->given |= option;
	}
	return 0;
}

static int wrong_usage(const struct verb *verb, struct err *err)
{
	return err_set(err, ERR_BAD_REQUEST, "usage: " PROGRAM " %s %s", verb->name, verb->usage);
}

static const struct verb *find_verb(struct request *request, int argc, char **argv, struct err *err)
{
	const struct verb *verb = NULL;
	for (size_t i = 0; optind < argc && i < VERBS; i++)
		if (strcmp(argv[optind], verbs[i].name) == 0)
			verb = &verbs[i];
	if (!verb) {
		err_set(err, ERR_BAD_REQUEST, "add, passwd, remove, grant or list (see " PROGRAM " --help)");
		return NULL;
	}
	request->arguments = argv + optind + 1;
	request->argument_count = argc - optind - 1;
	bool counted = request->argument_count >= verb->arguments_min &&
	               request->argument_count <= verb->arguments_max;
	if (counted && (request->given & ~verb->options) == 0)
		return verb;
	wrong_usage(verb, err);
	return NULL;
}

/* The role is an option of add, and an argument (or an option) of grant. */
static int request_role(struct request *request, const struct verb *verb, struct err *err)
{
	request->role = ROLE_ANNOTATOR; /* like a file of the older system, which has no roles */
	if (verb->run == user_grant) {
		bool twice = request->role_text && request->argument_count == 2;
		if (!request->role_text && request->argument_count == 2)
			request->role_text = request->arguments[1];
		if (!request->role_text || twice)
			return wrong_usage(verb, err);
	}
	if (request->role_text && role_parse(request->role_text, &request->role, err) != 0)
		return -1;
	if (verb->run == user_add && request->role == ROLE_NONE)
		return err_set(err, ERR_BAD_REQUEST, "a user without a role cannot do anything");
	return 0;
}

static int request_dataset(struct request *request, const char *name, struct err *err)
{
	if (text_check_dataset_name(name, err) != 0)
		return -1;
	if (request->grant_count == DATASETS_MAX)
		return err_set(err, ERR_BAD_REQUEST, "more than %d datasets", DATASETS_MAX);
	request->grants[request->grant_count++] = (struct user_grant){name, request->role};
	return 0;
}

static int request_datasets(struct request *request, struct err *err)
{
	if (request->dataset_text && request_dataset(request, request->dataset_text, err) != 0)
		return -1;
	for (char *name; (name = strsep(&request->datasets_text, ",")) != NULL;) {
		if (name[0] == '\0')
			return err_set(err, ERR_BAD_REQUEST, "--datasets names no dataset between two of its commas");
		if (request_dataset(request, name, err) != 0)
			return -1;
	}
	return 0;
}

/* A time, a day, or a time from now: 30d, 12h, 2w. */
static int read_expires(struct request *request, struct err *err)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {{'h', 3600}, {'d', 24 * 3600}, {'w', 7 * 24 * 3600}};
	const char *text = request->expires_text;
	if (!text)
		return 0;
	char number[32];
	size_t len = strlen(text);
	snprintf(number, sizeof(number), "%s", text);
	int64_t count = 0;
	for (size_t i = 0; len > 1 && len < sizeof(number) && i < sizeof(units) / sizeof(units[0]); i++) {
		if (text[len - 1] != units[i].unit)
			continue;
		number[len - 1] = '\0';
		if (text_int64(number, 1, 100000, &count) == 0)
			request->expires_us = text_now() + count * units[i].seconds * MICROSECONDS;
	}
	char day[64];
	snprintf(day, sizeof(day), "%.32sT00:00:00Z", text);
	if (count == 0 && text_time_parse(text, &request->expires_us) != 0 &&
	    text_time_parse(day, &request->expires_us) != 0)
		return err_set(err, ERR_BAD_REQUEST,
		               "--expires takes 2030-01-31, 2030-01-31T12:00:00Z, or from now 12h, 30d, 2w");
	if (request->expires_us <= text_now())
		return err_set(err, ERR_BAD_REQUEST, "--expires %.40s is past", text);
	return 0;
}

/* Warns of unknown datasets: a role may be granted before its dataset exists, but more often the name is mistyped.
 * If the store cannot be asked, there is no warning, and no refusal. */
static void warn_of_unknown_datasets(const struct request *request)
{
	struct dataset_store *store = NULL;
	struct err err;
	if (request->grant_count == 0 || dataset_store_open_reading(&store, &request->config, &err) != 0)
		return;
	for (size_t i = 0; i < request->grant_count; i++) {
		struct dataset *dataset = NULL;
		if (dataset_open(store, request->grants[i].dataset, &dataset, &err) != 0 && err.code == ERR_NOT_FOUND)
			fprintf(stderr, PROGRAM ": warning: there is no dataset %s so far\n", request->grants[i].dataset);
		dataset_close(dataset);
	}
	dataset_store_free(store);
}

/* stderr is written first, so that the key comes last even where both go to the same terminal. */
static int user_answer(const struct request *request, struct err *err)
{
	if (request->role != ROLE_NONE)
		warn_of_unknown_datasets(request);
	admin_tell_config(PROGRAM, &request->config);
	return fflush(stdout) == 0 ? 0 : err_errno(err, ERR_INTERNAL, "the answer cannot be written");
}

static void user_tell(const struct request *request, const struct verb *verb, config_env *env)
{
	bool of_roles = verb->run == user_add || verb->run == user_grant;

	if (verb->deed)
		deed_tell(PROGRAM, &request->config, request->store, env,
		          &(struct deed){verb->deed, request->arguments[0], of_roles ? roles_detail(request) : NULL});
}

static int user_run(struct request *request, const struct verb *verb, config_env *env, struct err *err)
{
	if (config_load(&request->config, request->config_path, env, err) != 0)
		return -1;
	if (dataset_store_open(&request->store, &request->config, err) != 0) {
		config_release(&request->config);
		return -1;
	}
	roster_init(&request->roster, &request->config, request->store);
	setvbuf(stdout, NULL, _IOFBF, BUFSIZ);
	int result = 0;
	if (request->given & PASSWORD)
		result = secret_read(request->password, sizeof(request->password), err);
	if (result == 0)
		result = verb->run(request, err);
	if (result == 0) {
		user_tell(request, verb, env);
		result = user_answer(request, err);
	}
	if (result != 0)
		admin_name_config(&request->config, err);
	explicit_bzero(request->password, sizeof(request->password));
	dataset_store_free(request->store);
	config_release(&request->config);
	return result;
}

int admin_user(int argc, char **argv, config_env *env)
{
	struct request *request = memory_new(1, sizeof(*request));
	struct err err;
	int status = ADMIN_USAGE;
	const struct verb *verb = NULL;
	if (parse_options(request, argc, argv, &err) == 0)
		verb = find_verb(request, argc, argv, &err);
	if (verb && !request_role(request, verb, &err) && !request_datasets(request, &err) &&
	    !read_expires(request, &err))
		status = user_run(request, verb, env, &err) == 0 ? ADMIN_DONE : ADMIN_FAILED;
	if (status != ADMIN_DONE)
		fprintf(stderr, PROGRAM ": %s\n", err.text);
	free(request);
	return status;
}
